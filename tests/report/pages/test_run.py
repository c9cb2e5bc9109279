"""The page of a run: whole, self-contained, escaped, readable by everyone."""

import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from babelift.errors import RunError
from babelift.report import folder
from babelift.report.folder import RunFiles
from babelift.report.pages.run import (
    Mistake,
    averaged,
    learning_curves,
    render_report,
    surest_mistakes,
    write_report,
)
from tests.report.conftest import manifest_of, metrics_of, scores

MakeRun = Callable[..., Path]

VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = '<script>alert("x")</script>'


class Page(HTMLParser):
    """Collects tags, text and ids, and checks that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def page(run_dir: Path) -> Page:
    return Page(write_report(run_dir).read_text(encoding="utf-8"))


def test_the_report_holds_every_part_in_order(make_run: MakeRun) -> None:
    found = page(make_run())
    sections = [section["id"] for section in found.all("section")]
    assert sections == [
        "languages", "errors", "training", "vectors", "translation", "data", "provenance",
    ]  # fmt: skip
    words = found.words()
    assert words.index("Trained on 701 English rows") < words.index("Language by language")
    for part in (
        "Read with care", "F1-micro per language", "Baseline", "Confusion matrices", "OTC",
        "In-batch retrieval@1", "Before training", "After training", "English → Japanese",
        "The text was taken from column", "the text is empty", "sha256 9f2c", "not measured",
        "train repeats test in 3 rows: 2 with the same text",
        "babelift fit 'my reviews.csv' --to de es fr ja zh --translator m2m100 --out runs/reviews",
        "All settings",
    ):  # fmt: skip
        assert part in words, part


def test_the_page_needs_nothing_from_outside(make_run: MakeRun) -> None:
    html = write_report(make_run()).read_text(encoding="utf-8")
    assert len(html) < 300_000
    assert "default-src 'none'" in html
    for tag, attributes in Page(html).tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "base", "form")
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", html)


def test_the_page_is_built_for_people_who_hear_it(make_run: MakeRun) -> None:
    found = page(make_run())
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert found.all("html")[0]["lang"] == "en"
    assert all(cell.get("scope") for cell in found.all("th"))
    inner = ("plot", "diamond")
    for svg in found.all("svg"):
        assert svg.get("role") == "img" or svg.get("aria-hidden") == "true" or svg["class"] in inner
    drawn = [svg for svg in found.all("svg") if svg.get("role") == "img"]
    assert len(found.all("title")) == len(drawn) + 1
    assert "German: classifier .66 [.57, .74], linear baseline .60 [.51, .69]" in found.words()


def test_ids_are_unique_and_links_lead_somewhere(make_run: MakeRun) -> None:
    found = page(make_run())
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    linked = [attributes["href"] for attributes in found.all("a")]
    assert linked
    assert all(link is not None and link[1:] in ids for link in linked)


def luminance(colour: str) -> float:
    colour = colour.lstrip("#")
    colour = "".join(c * 2 for c in colour) if len(colour) == 3 else colour
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def themes() -> list[dict[str, str]]:
    css = (Path(folder.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): ([^;]+);", block)) for block in blocks]


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark", "print"])
def test_colours_have_enough_contrast(theme: dict[str, str]) -> None:
    for text in ("ink", "muted", "caution", "encoder", "linear"):
        assert contrast(theme[text], theme["paper"]) >= 4.5, text
    for text in ("ink", "caution"):
        assert contrast(theme[text], theme["caution-wash"]) >= 4.5, text
    for line in ("s0", "s1", "s2", "s3", "s4", "s5"):
        assert contrast(theme[line], theme["paper"]) >= 3, line


@pytest.mark.parametrize("theme", themes()[:2], ids=["light", "dark"])
def test_numbers_on_the_darkest_cell_of_a_confusion_matrix_can_be_read(
    theme: dict[str, str],
) -> None:
    heat = [int(part) for part in theme["heat"].split()]
    paper = [int(theme["paper"][i : i + 2], 16) for i in (1, 3, 5)]
    share = float(theme["most"])
    mixed = [round(share * h + (1 - share) * p) for h, p in zip(heat, paper, strict=True)]
    assert contrast(theme["ink"], "#" + "".join(f"{part:02x}" for part in mixed)) >= 4.5


def test_what_users_wrote_is_shown_and_never_run(
    make_run: MakeRun, manifest: dict[str, Any]
) -> None:
    labels = [HOSTILE, "2"]
    metrics = metrics_of({HOSTILE: scores(labels=labels)}, labels=labels).model_dump()
    manifest["files"][0]["path"] = HOSTILE
    manifest["invocations"] = [
        {"command": ["babelift", "fit", HOSTILE], "stages": ["training"]},
        {"command": ["babelift", "fit", HOSTILE, "--no-otc"], "stages": [HOSTILE]},
    ]
    manifest["notes"] = [HOSTILE]
    manifest["rejects"] = {"count": 1, "reasons": {HOSTILE: 1}}
    manifest["leakage"]["examples"][0] |= {"kind": HOSTILE, "text": HOSTILE}
    manifest["machine"] = {HOSTILE: HOSTILE}
    manifest["licenses"][0] |= {"name": HOSTILE, "license": HOSTILE, "note": HOSTILE}
    manifest["translation"] |= {"translator": HOSTILE, "fingerprint": HOSTILE}
    manifest["translation"]["examples"][0] |= {
        "flag": HOSTILE, "source_lang": '"><b>', "source_text": HOSTILE, "text": HOSTILE,
    }  # fmt: skip
    found = page(make_run(config=f"text: '{HOSTILE}'\n", metrics=metrics))
    assert not found.all("script")
    assert found.words().count(HOSTILE) >= 12
    assert '"><b>' in [attributes.get("lang") for attributes in found.all("p")]


def test_examples_carry_their_language_and_direction(make_run: MakeRun) -> None:
    texts = [p for p in page(make_run()).all("p") if "lang" in p]
    assert {p["lang"] for p in texts} >= {"en", "ja", "zh", "fr"}
    assert all(p["dir"] == "auto" for p in texts)


def test_control_characters_lone_surrogates_and_endless_texts_do_no_harm(
    make_run: MakeRun, manifest: dict[str, Any]
) -> None:
    manifest["translation"]["examples"] = [
        {"flag": "loop", "source_lang": "en", "lang": "he", "source_text": "a\0b\x1b[31m\ud800",
         "text": "\u202e" + "ק" * 100_000},
    ]  # fmt: skip
    path = write_report(make_run())
    html = path.read_text(encoding="utf-8")
    assert "a\N{REPLACEMENT CHARACTER}b" in html
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", html)
    assert html.count("ק") < 1000


def test_a_zero_shot_run_says_what_it_lacks(
    make_run: MakeRun, manifest: dict[str, Any], metrics: dict[str, Any]
) -> None:
    manifest |= {"arm": "zero-shot", "translation": None}
    manifest["data"]["train"] = {"en": {"original": 701}}
    metrics |= {"linear": {}, "ordinal": False}
    words = page(make_run(vectors=None, log=None, config=None, predictions=None, test=None)).words()
    for sentence in (
        "Trained on English, without translation",
        "Nothing was translated in this run (arm: zero-shot).",
        "This run has no pairs of originals and translations to compare.",
        "The run folder holds no training log, so there are no curves.",
    ):
        assert sentence in words
    assert "MAE" not in words
    assert "linear baseline ." not in words
    assert "All settings" not in words


def test_a_run_without_test_rows_still_has_a_report(make_run: MakeRun) -> None:
    words = page(make_run(metrics=metrics_of({}).model_dump(), predictions=None)).words()
    assert "its quality is not known" in words
    assert "There were no test rows, so there are no scores." in words


def test_the_barest_run_folder_has_a_report(make_run: MakeRun) -> None:
    bare = metrics_of({"de": scores()}).model_dump()
    run = make_run(
        manifest=manifest_of().model_dump(), metrics=bare, config=None, log=None, vectors=None,
        predictions=None, test=None,
    )  # fmt: skip
    assert "The classifier reaches F1-micro .50 [.45, .55] in German." in page(run).words()


def test_with_many_labels_the_commonest_confusions_are_listed(make_run: MakeRun) -> None:
    size = 60
    labels = [f"intent {n}" for n in range(size)]
    confusion = [[5 if i == j else int(j == i + 1) for j in range(size)] for i in range(size)]
    many = metrics_of({"de": scores(confusion=confusion, labels=labels)}, labels=labels)
    words = page(make_run(metrics=many.model_dump())).words()
    assert "With 60 labels a full matrix" in words
    assert "intent 0 intent 1 1" in words


def test_many_languages_keep_the_page_small(make_run: MakeRun, metrics: dict[str, Any]) -> None:
    tags = [f"x{n}" for n in range(100)]
    german = metrics["languages"]["de"]
    run = make_run(metrics=metrics | {"languages": dict.fromkeys(tags, german)})
    html = write_report(run).read_text(encoding="utf-8")
    assert len(html) < 1_500_000
    assert "languages" in html


def test_non_commercial_parts_are_warned_of(make_run: MakeRun, manifest: dict[str, Any]) -> None:
    manifest["licenses"][1] |= {"name": "nllb-600m", "license": "CC-BY-NC-4.0"}
    words = page(make_run()).words()
    assert "Not for commercial use. translator nllb-600m is under CC-BY-NC-4.0." in words


def test_the_surest_mistakes_are_shown_with_their_texts(make_run: MakeRun) -> None:
    words = page(make_run()).words()
    assert "German · said 4 (.95), labelled 5 Der Griff war nach zwei Tagen" in words


def test_the_same_run_gives_the_same_page_twice(make_run: MakeRun) -> None:
    run = make_run()
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []


def test_rendering_reads_no_files(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = folder.read_run(make_run())
    monkeypatch.setattr(pl, "read_parquet", None)
    assert render_report(run).startswith("<!doctype html>")


def test_a_report_that_cannot_be_written_is_an_error_that_names_it(make_run: MakeRun) -> None:
    run = make_run()
    (run / "report.html").mkdir()
    with pytest.raises(RunError, match=r"report\.html' cannot be written"):
        write_report(run)
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []


FULL = [
    {"kind": "step", "step": step, "epoch": 1, "ce": 2 - 0.1 * step, "otc": 1.0,
     "positive_cosine": 0.5, "retrieval_at_1": 0.5, "learning_rate": 1e-5}
    for step in range(1, 6)
]  # fmt: skip


def headings(log: list[dict[str, Any]]) -> list[str]:
    return [item.heading for item in learning_curves(log)]


def test_a_full_log_gives_every_curve() -> None:
    log = [*FULL, {"kind": "validation", "step": 5, "epoch": 1, "f1_micro": {"en": 0.5}}]
    assert headings(log) == [
        "Cross-entropy", "OTC", "Positive cosine", "In-batch retrieval@1", "Learning rate",
        "F1-micro on validation rows",
    ]  # fmt: skip


def test_without_pairs_there_are_no_curves_of_pairs() -> None:
    blank = {"otc": None, "positive_cosine": None, "retrieval_at_1": None}
    assert headings([step | blank for step in FULL]) == ["Cross-entropy", "Learning rate"]


def test_an_empty_log_gives_no_curve() -> None:
    assert learning_curves([]) == []


def test_odd_values_are_passed_over() -> None:
    log = [
        {"kind": "step", "step": 1, "ce": math.nan},
        {"kind": "step", "step": "x", "ce": 1.0},
        {"kind": "validation", "epoch": 1, "f1_micro": [0.5]},
        {"kind": "other"},
        {},
    ]
    assert learning_curves(log) == []


def test_several_validation_languages_get_a_legend() -> None:
    log = [
        {"kind": "validation", "epoch": epoch, "f1_micro": {"en": 0.5, "de": 0.4}, "mean": 0.45}
        for epoch in (1, 2)
    ]
    (found,) = learning_curves(log)
    assert found.legend == (("English", 0), ("German", 1))


def test_more_languages_than_colours_are_drawn_as_their_mean() -> None:
    tags = ["en", "de", "fr", "es", "ja", "zh", "it"]
    log = [{"kind": "validation", "epoch": 1, "f1_micro": dict.fromkeys(tags, 0.5), "mean": 0.5}]
    (found,) = learning_curves(log)
    assert found.legend == ()
    assert found.note.startswith("Mean")


def test_long_logs_say_how_many_steps_make_a_point() -> None:
    assert averaged([{"kind": "step"}] * 1000) == 5
    assert averaged(FULL) == 1


TEST = pl.DataFrame({"id": ["a", "b", "c", "d"], "text": ["one", "two", "three", "four"]})


def predictions(**columns: object) -> pl.DataFrame:
    values = {
        "id": ["a", "b", "c", "d"],
        "model": ["encoder"] * 4,
        "lang": ["de", "de", "de", "fr"],
        "label": ["x", "x", "x", "x"],
        "prediction": ["y", "y", "x", "y"],
        "probability": [0.6, 0.9, 0.99, 0.7],
    }
    return pl.DataFrame(values | columns)


def mistakes(
    predictions: pl.DataFrame, test: pl.DataFrame = TEST, per_language: int = 2
) -> list[Mistake]:
    run = RunFiles("x", manifest_of(), metrics_of({}), {}, [], None, predictions, test)
    return surest_mistakes(run, per_language)


def test_the_surest_wrong_answer_of_each_language_is_taken() -> None:
    found = mistakes(predictions(), per_language=1)
    assert [(mistake.lang, mistake.text) for mistake in found] == [("de", "two"), ("fr", "four")]


def test_the_baselines_mistakes_are_not_shown() -> None:
    assert mistakes(predictions(model=["linear"] * 4)) == []


def test_predictions_without_probabilities_give_none() -> None:
    blank = predictions(probability=pl.Series([None] * 4, dtype=pl.Float64))
    assert mistakes(blank) == []


def test_rows_without_a_text_are_passed_over() -> None:
    assert len(mistakes(predictions(), TEST.filter(pl.col("id") != "b"))) == 2


def test_a_perfect_classifier_has_none() -> None:
    assert mistakes(predictions(prediction=["x"] * 4)) == []
