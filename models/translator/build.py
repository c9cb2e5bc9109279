"""Builds the embedded translator: `python -m models.translator.build --data ../shared/data`."""

import argparse
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from models.data import held_out, training_pairs
from models.memory import keep_freed_memory
from models.translator.network import LANGUAGES, aligned_embeddings, network
from models.translator.train import Examples, Recipe, loss_of, train
from models.translator.vocabulary import Vocabulary, write_tokenizer

if TYPE_CHECKING:
    from transformers import M2M100ForConditionalGeneration

LONGEST = 200
"""Most tokens on a side, special ones included."""
VOCABULARY = 12_000
PER_LANGUAGE = 100_000
HELD_OUT = 200


@dataclass(frozen=True)
class Size:
    """A model and how it is trained; `longest` is the most tokens of a sentence learnt from."""

    width: int
    encoder_layers: int
    decoder_layers: int
    dropout: float
    longest: int
    recipe: Recipe


SIZES = {
    "cpu": Size(256, 3, 2, 0.0, 40, Recipe(steps=3400, examples=384)),
    "gpu": Size(256, 4, 2, 0.1, 196, Recipe(steps=60_000, examples=4096, budget=65_536)),
}


def main() -> None:
    """Run every stage that is not yet in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoder", type=Path, default=Path("src/babelift/embedded/encoder"))
    parser.add_argument("--work", type=Path, default=Path("build/translator"))
    parser.add_argument("--out", type=Path, default=Path("src/babelift/embedded/translator"))
    parser.add_argument("--size", choices=SIZES, default="cpu")
    parser.add_argument("--steps", type=int, help="instead of the size's own")
    arguments = parser.parse_args()
    work, size = arguments.work, SIZES[arguments.size]
    published = work / "published"
    published.mkdir(parents=True, exist_ok=True)
    recipe = replace(size.recipe, steps=arguments.steps) if arguments.steps else size.recipe
    keep_freed_memory()
    device = "cuda" if torch.cuda.is_available() else "cpu"

    pairs, kept_back = held_out(_pairs(arguments.data, work), per_language=HELD_OUT, seed=0)
    if not (published / "tokenizer_config.json").is_file():
        write_tokenizer(
            pairs, VOCABULARY, published, per_language=PER_LANGUAGE, seed=0, longest=LONGEST
        )
    vocabulary = Vocabulary(published)
    model = network(
        vocabulary.size,
        width=size.width,
        encoder_layers=size.encoder_layers,
        decoder_layers=size.decoder_layers,
        dropout=size.dropout,
        longest=LONGEST,
        seed=0,
    )
    _place_words(model, vocabulary, pairs, arguments.encoder)
    examples = examples_of(pairs, vocabulary, longest=size.longest)
    watched = examples_of(kept_back, vocabulary, longest=size.longest)
    train(
        model,
        examples,
        recipe,
        folder=work,
        device=device,
        measure=lambda model: losses(model, watched, device),
    )
    save(model, published, arguments.out)


def save(model: "M2M100ForConditionalGeneration", published: Path, out: Path) -> None:
    """Write the model in its published form, and beside the code as CTranslate2 runs it."""
    from babelift.config import Translating
    from babelift.translation.engines.convert import converted

    model.save_pretrained(published)
    ready = converted(published, Translating().compute_type, name="mini")
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(ready.iterdir()):
        shutil.copyfile(path, out / path.name)


def _pairs(data: Path, work: Path) -> pl.DataFrame:
    path = work / "pairs.parquet"
    if not path.is_file():
        training_pairs(data).write_parquet(path)
    return pl.read_parquet(path)


def _place_words(
    model: "M2M100ForConditionalGeneration",
    vocabulary: Vocabulary,
    pairs: pl.DataFrame,
    encoder: Path,
) -> None:
    from transformers import AutoModel, AutoTokenizer

    rows = aligned_embeddings(
        vocabulary,
        pairs,
        AutoModel.from_pretrained(encoder),
        AutoTokenizer.from_pretrained(encoder),
        model.config.d_model,
    )
    with torch.no_grad():
        model.model.shared.weight.copy_(torch.from_numpy(rows))
        model.model.shared.weight[model.config.pad_token_id] = 0


def examples_of(pairs: pl.DataFrame, vocabulary: Vocabulary, *, longest: int) -> Examples:
    """Both directions of every pair with English, and pairs that share their English."""
    english = pairs["text_en"].unique(maintain_order=True)
    number = pl.DataFrame({"text_en": english, "english": np.arange(len(english))})
    rows = pairs.join(number, on="text_en", how="left", maintain_order="left").with_columns(
        own=pl.int_range(len(english), len(english) + pl.len())
    )
    texts = [*english.to_list(), *pairs["text"].to_list()]
    tokens = [np.array(ids, int) for ids in vocabulary.encode(texts)]
    short = np.array([len(ids) <= longest for ids in tokens])
    fits = short[rows["own"].to_numpy()] & short[rows["english"].to_numpy()]
    rows = rows.filter(pl.Series(fits))
    by_lang = {lang: rows.filter(pl.col("lang") == lang) for lang in LANGUAGES[1:]}
    found = {}
    for lang, own in by_lang.items():
        both = own.select("own", "english").to_numpy()
        found[lang, "en"], found["en", lang] = both, both[:, ::-1]
        for other, theirs in by_lang.items():
            if other != lang:
                shared = own.join(theirs, on="english", maintain_order="left_right")
                found[lang, other] = shared.select("own", "own_right").to_numpy()
    codes = {lang: vocabulary.language(lang) for lang in LANGUAGES}
    return Examples(tokens, {pair: found for pair, found in found.items() if len(found)}, codes)


def losses(
    model: "M2M100ForConditionalGeneration", watched: Examples, device: str
) -> dict[str, float]:
    """Cross-entropy per token of held-out pairs with English, per ordered pair."""
    model.eval()
    with torch.inference_mode():
        return {
            f"{a}>{b}": loss_of(
                model,
                watched,
                [(watched.codes[a], int(s), watched.codes[b], int(t)) for s, t in rows],
                device,
            )
            for (a, b), rows in watched.pairs.items()
            if "en" in (a, b)
        }


if __name__ == "__main__":
    main()
