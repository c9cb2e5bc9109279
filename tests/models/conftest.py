"""A few hundred made-up sentence pairs."""

import random

import polars as pl
import pytest

from models.data import PAIRS

WORDS = {
    lang: words.split()
    for lang, words in {
        "en": "the dog sees a cat one house is big red runs to old tree eats bread",
        "de": "der hund sieht eine katze ein haus ist groß rot läuft zu alt baum isst brot",
        "fr": "le chien voit un chat une maison est grand rouge court vers vieux arbre mange pain",
        "ja": "その 犬 見る ある 猫 一つ 家 です 大きい 赤い 走る へ 古い 木 食べる パン",
    }.items()
}


@pytest.fixture(scope="session")
def toy_pairs() -> pl.DataFrame:
    """Pairs of word-for-word translations, each English sentence in every language."""
    draw = random.Random(0)
    rows = []
    for _ in range(250):
        words = [draw.randrange(len(WORDS["en"])) for _ in range(draw.randint(3, 8))]
        english = " ".join(WORDS["en"][i] for i in words)
        for lang in ("de", "fr", "ja"):
            joiner = "" if lang == "ja" else " "
            rows.append(
                (
                    lang,
                    joiner.join(WORDS[lang][i] for i in words),
                    english,
                    "toy",
                )
            )
    return pl.DataFrame(rows, schema=PAIRS, orient="row")
