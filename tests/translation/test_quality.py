"""The checks together: what they find in real translations, and in real faults made on purpose."""

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.translation.checks import (
    FAULTS,
    Band,
    filled_ratios,
    find_faults,
    learn_band,
    log_ratio,
)


def check(
    sources: list[str], texts: list[str], source: str, target: str, band: Band | None = None
) -> list[list[str]]:
    ours, theirs = pl.Series(sources, dtype=pl.String), pl.Series(texts, dtype=pl.String)
    band = band or learn_band(filled_ratios(ours, theirs, source, target))
    return find_faults(ours, theirs, source, target, band, np.zeros(len(ours), dtype=bool))


def test_the_band_is_the_median_and_3_5_robust_deviations() -> None:
    ratios = np.array([-0.3, -0.1, 0.0, 0.1, 0.3] * 400)
    band = learn_band(ratios)
    # median 0, median absolute deviation 0.1; 2000 rows weigh 2000 / 2050 against the prior
    weight = 2000 / 2050
    width = 3.5 * np.hypot(weight * 0.14826, (1 - weight) * 0.25)
    assert band.low == pytest.approx(-width)
    assert band.high == pytest.approx(width)


def test_a_third_of_faulty_rows_does_not_move_the_band_away() -> None:
    good = np.random.default_rng(0).normal(0.1, 0.1, 1000)
    clean, dirty = learn_band(good), learn_band(np.concatenate([good, np.full(500, 2.0)]))
    assert dirty.high < 1.0
    assert clean.low - 0.4 < dirty.low < clean.low


def test_a_translator_that_is_always_wrong_does_not_make_its_own_rule() -> None:
    texts = [f"A sentence about the thing with number {n}." for n in range(300)]
    found = check(texts, [text * 4 for text in texts], "en", "de")
    assert all("length" in row for row in found)


def test_log_ratios_are_near_nought_between_languages_of_any_density() -> None:
    english = pl.Series(["The committee will meet again on Thursday to discuss the new budget."])
    for lang, text in {
        "zh": "委员会将于周四再次开会讨论新的预算。",
        "ja": "委員会は木曜日に再び会合を開き、新しい予算について話し合う。",
        "de": "Der Ausschuss wird am Donnerstag wieder tagen, um das Budget zu besprechen.",
    }.items():
        assert abs(log_ratio(english, pl.Series([text]), "en", lang)[0]) < 0.35


def test_a_row_can_have_several_faults_in_a_fixed_order() -> None:
    source = "the shop was nice and the people too, in 1986"
    found = check([source], ["the shop was nice " * 9], "en", "ja")
    assert found == [[name for name in FAULTS if name in found[0]]]
    assert {"loop", "length", "script", "numbers"} <= set(found[0])


def test_nothing_to_check_is_no_fault() -> None:
    assert check([], [], "en", "ja") == []
    assert check(["", "😀", "5"], ["", "😀", "5"], "en", "ja") == [[], [], []]


@settings(deadline=None)
@given(
    texts=st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=5),
    pair=st.sampled_from([("en", "de"), ("en", "ja"), ("ja", "zh"), ("zh", "en"), ("ar", "ko")]),
)
def test_any_text_can_be_checked(texts: list[tuple[str, str]], pair: tuple[str, str]) -> None:
    clean = [(a.encode("utf-8", "replace").decode(), b.encode("utf-8", "replace").decode())
             for a, b in texts]  # fmt: skip
    found = check([a for a, _ in clean], [b for _, b in clean], *pair)
    assert len(found) == len(texts)


@pytest.fixture(scope="module")
def real(data_dir: Path) -> dict[tuple[str, str], tuple[list[str], list[str]]]:
    content = gzip.decompress((data_dir / "sib200" / "translations.jsonl.gz").read_bytes())
    rows = pl.read_ndjson(content).filter(pl.col("system") == "microsoft")
    return {
        (str(source), str(target)): (part["source_text"].to_list(), part["target_text"].to_list())
        for (source, target), part in rows.group_by("source_lang", "target_lang")
    }


def test_good_translations_are_rarely_flagged(real: dict) -> None:
    for pair, (sources, texts) in real.items():
        flagged = sum(map(bool, check(sources, texts, *pair)))
        assert flagged <= 0.01 * len(sources), pair


Break = Callable[[list[str], list[str], random.Random], list[str]]

BREAKS: dict[str, Break] = {
    "empty": lambda sources, texts, chance: ["" for _ in texts],
    "copy": lambda sources, texts, chance: sources,
    "loop": lambda sources, texts, chance: [
        text[: len(text) // 2] + text[len(text) // 2 :][: chance.randint(3, 12)] * 15
        for text in texts
    ],
    "length": lambda sources, texts, chance: [text[: len(text) // 3] for text in texts],
}


@pytest.mark.parametrize("fault", BREAKS)
def test_faults_made_on_purpose_are_found(real: dict, fault: str) -> None:
    """In one row of ten, among good ones; counted where any check finds the row."""
    for pair, (sources, texts) in real.items():
        chance = random.Random(0)
        rows = chance.sample(range(len(texts)), len(texts) // 10)
        broken = BREAKS[fault]([sources[r] for r in rows], [texts[r] for r in rows], chance)
        mixed = list(texts)
        for row, text in zip(rows, broken, strict=True):
            mixed[row] = text
        found = check(sources, mixed, *pair)
        caught = sum(map(bool, (found[row] for row in rows)))
        assert caught >= 0.9 * len(rows), pair
        named = sum(fault in found[row] for row in rows)
        assert named >= 0.85 * len(rows), pair


def test_translations_into_the_wrong_script_are_found(real: dict) -> None:
    for (source, target), (sources, _) in real.items():
        if source != "en" or target not in ("ja", "zh"):
            continue
        other = real["en", "zh" if target == "ja" else "de"][1]
        found = check(sources, other, source, target)
        assert sum("script" in row for row in found) >= 0.9 * len(sources), target
