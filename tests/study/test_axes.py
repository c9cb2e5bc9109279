"""Every axis of a study with two values, each pair of them combined, through to the page."""

import json
from itertools import combinations, permutations, product
from pathlib import Path

import polars as pl
import pytest

from babelift.study.condition import AXES
from babelift.study.results import METRICS
from babelift.study.run import run_study
from babelift.study.spec import StudySpec
from tests.study.conftest import WORDS, drawn, sentences, write_jsonl

ONE = {
    "arms": ["zero-shot", "translated"], "otc": ["off"], "ratios": ["1:1"],
    "translators": ["good"], "encoders": ["tiny"], "sources": ["en"], "rows": [None],
    "native_rows": [], "seeds": 1, "tables": "equal", "added": [], "together": True,
    "parallel": True,
}  # fmt: skip

TWO = {
    "arms": ["zero-shot", "translated", "original", "original+translated", "translate-test"],
    "otc": ["off", "on", "cosine"], "ratios": ["1:1", "1:2"], "translators": ["good", "other"],
    "encoders": ["tiny", "small"], "sources": ["en", "fr"], "rows": [12, None],
    "native_rows": [6, 10], "seeds": 2, "tables": "unequal", "added": ["theirs", "ours"],
    "together": False, "parallel": False,
}  # fmt: skip


def covering(factors):
    """Few choices (one or two values of each factor) among which every pair of factors occurs in
    all four ways: the next is always that of a fixed list that adds most."""
    wanted = {
        (a, x, b, y) for a, b in combinations(factors, 2) for x, y in product((0, 1), repeat=2)
    }
    candidates = [
        {name: number >> place & 1 for place, name in enumerate(factors)}
        for number in range(2 ** len(factors))
        if number.bit_count() <= 5
    ]

    def covers(choice):
        return {(a, choice[a], b, choice[b]) for a, b in combinations(factors, 2)}

    while wanted:
        best = max(candidates, key=lambda choice: len(covers(choice) & wanted))
        wanted -= covers(best)
        yield best


CHOICES = list(covering(list(ONE)))


@pytest.fixture(scope="module")
def tables(toy: Path, tmp_path_factory):
    """The toy data with French, once with tables of equal and once of unequal size."""
    folders = {}
    for kind in ("equal", "unequal"):
        folder = folders[kind] = tmp_path_factory.mktemp(kind)
        splits = {}
        for number, lang in enumerate(WORDS):
            size = 24 if kind == "equal" else 24 - 2 * number
            for split, numbers in (("train", range(size)), ("test", range(100, 112))):
                rows = splits[lang, split] = sentences(lang, numbers)
                write_jsonl(folder / f"{lang}.{split}.jsonl", rows)
        write_jsonl(folder / "table.jsonl", [
            {"source_lang": a, "target_lang": b, "system": system, "source_text": row["text"],
             "target_text": sentences(b, [int(row["id"][1:])])[0]["text"]}
            for a, b in permutations(WORDS, 2) for system in ("good", "other")
            for split in ("train", "test") for row in splits[a, split]
        ])  # fmt: skip
        added = [
            {"id": f"i{n}", "lang": lang, "label": ("food", "sport")[n % 2], "prediction": "food",
             "seed": seed}
            for lang in ("de", "ja") for n in range(100, 112) for seed in (0, 1)
        ]  # fmt: skip
        pl.DataFrame(added).write_csv(folder / "theirs.csv")
        pl.DataFrame(added).filter(lang="de").write_csv(folder / "ours.csv")
    return folders


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


def spec_of(chosen, toy):
    spec = dict(chosen)
    del spec["tables"]
    names = {"tiny": "encoder", "small": "encoder2"}
    return StudySpec.from_mapping({
        **spec,
        "train": "{lang}.train.jsonl", "test": "{lang}.test.jsonl",
        "text": "text", "label": "label", "id": "id", "group": "item",
        "targets": ["de", "ja"],
        "arms": [*spec["arms"], *(["reference"] if spec["parallel"] else [])],
        "variants": {"cosine": {"otc_form": "cosine"}},
        "translators": {name: f"table:{{data}}/table.jsonl#{name}" for name in spec["translators"]},
        "encoders": {name: str(toy / names[name]) for name in spec["encoders"]},
        "added": {name: f"{name}.csv" for name in spec["added"]},
        "settings": {"steps": 2, "batch_size": 8, "max_length": 16},
        "primary": {"arm": "translated", "over": "zero-shot"},
        "quality": "keep", "price": 0.5,
    })  # fmt: skip


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(
    name for name, two in choice.items() if two) or "one of each")  # fmt: skip
def test_axes_combine_through_to_the_page(choice, toy, tables, store, tmp_path):
    chosen = {name: (ONE, TWO)[two][name] for name, two in choice.items()}
    spec = spec_of(chosen, toy)
    folder = tmp_path / "out"
    study = run_study(spec, folder, data=tables[chosen["tables"]], store=store, execute=drawn)
    assert not study.failed
    one_value = [*AXES, "seed", "lang", "metric"]
    assert study.results.select(one_value).is_duplicated().sum() == 0
    assert set(study.results["metric"]) <= set(METRICS)
    seen = {axis: set(study.results[axis].drop_nulls()) for axis in AXES}
    assert seen["arm"] == {*spec.arms, *spec.added}
    assert seen["otc"] == set(spec.otc)
    assert seen["ratio"] == set(spec.ratios)
    assert seen["translator"] == {*spec.translators, *(["reference"] if spec.parallel else [])}
    assert seen["encoder"] == set(spec.encoders)
    assert seen["source"] - {"own"} == set(spec.sources)
    native = set(spec.native_rows) if "original" in spec.arms else set()
    assert seen["rows"] == {rows for rows in spec.rows if rows} | native
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    shown = {tuple(row[axis] for axis in AXES) for row in report["table"]}
    assert shown == set(study.results.select(AXES).iter_rows())
    assert {answer["question"]["kind"] for answer in report["answers"]} >= (
        {"arm"} | ({"otc"} if len(spec.otc) > 1 else set()) | ({"added"} if spec.added else set())
    )
    sized = len(spec.rows) + len(spec.native_rows) > 1
    assert bool(report["budget"]) == (sized and "original" in spec.arms)
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")
