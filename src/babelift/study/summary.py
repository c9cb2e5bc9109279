"""Everything a study's report shows, worked out from the study's files alone, and its page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import polars as pl

from babelift.errors import RunError
from babelift.report.pages.study import render_study
from babelift.store import read_table, write_json, write_text
from babelift.study import answers as verdicts
from babelift.study.answers import Answer, answers, otc_regressions
from babelift.study.budget import Price, label_budget
from babelift.study.condition import AXES, Condition
from babelift.study.diagnosis import Lies, diagnose, gather_evidence, lies
from babelift.study.flips import flips
from babelift.study.learning_curve import Measured
from babelift.study.results import Scores, mean_scores, over_sources
from babelift.study.spec import OFF, StudySpec, read_spec
from babelift.study.trend import quality_trend

LEAST_NATIVE_SIZES: Final = 2
"""Numbers of native labels from which a learning curve can be drawn."""


def summarise(folder: Path) -> dict[str, Any]:
    """Work a study's files up into what its report shows.

    Args:
        folder: A study's folder, as `run.run_study` left it.

    Raises:
        RunError: A file is missing or damaged.
    """
    spec, facts, results, predictions = read_study(folder)
    scores = Scores.of([*facts["places"], *_added(results, spec)], predictions)
    found = answers(spec, scores)
    cells = scores.conditions()
    lying = lies(facts["places"], facts["runs"])
    qualities = pl.DataFrame(facts["quality"], schema=QUALITY)
    evidence = gather_evidence(spec, found, results, lying, qualities)
    regressions = otc_regressions(results, [name for name in spec.otc if name != OFF])
    trend = quality_trend(spec, scores, facts["quality"])
    return {
        "title": spec.title,
        "question": spec.question,
        "opening": verdicts.opening(next((one for one in found if one.primary), None), cells),
        "answers": [_answer(one, cells) for one in found],
        "regressions": {
            name: {**one.to_dict(), "sentence": verdicts.regression_sentence(name, one)}
            for name, one in regressions.items()
        },
        "table": mean_scores(results),
        "means": over_sources(results),
        "alignment": _alignment(lying),
        "quality": facts["quality"],
        "trend": trend.to_dict() if trend else None,
        "flips": flips(spec, facts["places"], predictions, read_texts(folder)),
        "diagnosis": asdict(diagnose(evidence)),
        "budget": budgets(spec, results),
        "cost": costs(facts),
        "translating": translating(facts["translations"], spec.translators),
        "failed": verdicts.failures(facts["failed"]),
        "settings": spec.model_dump(mode="json", by_alias=True),
        **{name: facts[name] for name in _TOLD},
    }


_TOLD: Final = (
    "created", "notes", "shared", "machine", "versions", "translators", "labels",
)  # fmt: skip
"""Facts that the report tells as they are."""

QUALITY: Final = {
    "translator": pl.String(),
    "source": pl.String(),
    "lang": pl.String(),
    "rows": pl.Int64(),
    "chrf": pl.Float64(),
    "bleu": pl.Float64(),
    "similarity": pl.Float64(),
    "flagged": pl.Float64(),
}
"""Columns of what is known of the translations of training rows."""


def read_study(
    folder: Path,
) -> tuple[StudySpec, dict[str, Any], pl.DataFrame, pl.DataFrame]:
    """A study's settings, facts, results and predictions.

    Raises:
        RunError: A file is missing or damaged.
    """
    try:
        facts = json.loads((folder / "runs.json").read_text(encoding="utf-8"))
        results = read_table(folder / "results.parquet")
        predictions = read_table(folder / "predictions.parquet")
    except (OSError, ValueError) as error:
        raise RunError(
            f"'{folder}' is not a finished study: {error}.", "Run 'babelift study' again."
        ) from error
    return read_spec(folder / "study.yaml"), facts, results, predictions


def read_texts(folder: Path) -> pl.DataFrame | None:
    """The texts of the test rows; None where they were not kept.

    Raises:
        RunError: The file is damaged.
    """
    path = folder / "texts.parquet"
    return read_table(path) if path.is_file() else None


def _added(results: pl.DataFrame, spec: StudySpec) -> list[dict[str, Any]]:
    """Predictions that were made elsewhere, as places in the grid."""
    rows = results.filter(pl.col("arm").is_in(list(spec.added)))
    groups = rows.group_by(*AXES, "run", "seed", maintain_order=True)
    return groups.agg(pl.col("lang").unique(maintain_order=True).alias("langs")).to_dicts()


def _answer(answer: Answer, cells: Sequence[Condition]) -> dict[str, Any]:
    return {
        **answer.to_dict(),
        "sentence": verdicts.verdict(answer, cells),
        "by_language_sentence": verdicts.best_and_worst(answer),
        "arm": verdicts.cell_name(answer.question.arm, cells),
        "base": verdicts.cell_name(answer.question.base, cells),
    }


def _alignment(lying: Lies) -> list[dict[str, Any]]:
    return [
        {**cell.to_dict(), "lang": lang, "stage": stage, **asdict(lie)}
        for (cell, lang, stage), lie in lying.items()
    ]


def budgets(spec: StudySpec, results: pl.DataFrame) -> list[dict[str, Any]]:
    """What the translations are worth in native labels, per language; empty without sizes.

    Of the study's first translator, encoder and ratio, without OTC; the mean over sources, as
    everywhere. A seed that lacks a source, because a run failed, is left out.
    """
    f1 = results.filter(metric="f1_micro", otc=OFF, encoder=next(iter(spec.encoders)))
    native = f1.filter(arm="original")
    translated = (
        f1.filter(arm="translated", translator=next(iter(spec.translators)), ratio=spec.ratios[0])
        .group_by("lang", "rows", "seed", maintain_order=True)
        .agg(pl.col("value").mean(), pl.col("size").mean().round().cast(pl.Int64), sources=pl.len())
        .filter(pl.col("sources") == pl.col("sources").max().over("lang", "rows"))
    )
    price = None if spec.price is None else Price(spec.price)
    found = []
    for lang in spec.targets:
        sides = [_measured(side.filter(lang=lang)) for side in (native, translated)]
        if len({run.size for run in sides[0]}) >= LEAST_NATIVE_SIZES and sides[1]:
            found.append(asdict(label_budget(lang, *sides, price=price)))
    return found


def _measured(rows: pl.DataFrame) -> list[Measured]:
    # Two numbers of rows that were asked for may come to the same, where a table has no more.
    each = rows.group_by("size", "seed", maintain_order=True).agg(pl.col("value").mean())
    return [Measured(size, seed, value) for size, seed, value in each.iter_rows()]


def costs(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Seconds and tokens of a training, the mean over the runs of each arm."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for place in facts["places"]:
        if record := facts["runs"].get(place["run"]):
            found.setdefault((place["arm"], place["otc"]), []).append(record)
    return [
        {
            "arm": arm,
            "otc": otc,
            "runs": len({record["key"] for record in records}),
            "seconds": sum(one["training"]["seconds"] for one in records) / len(records),
            "tokens": sum(one["training"]["tokens"] for one in records) / len(records),
        }
        for (arm, otc), records in found.items()
    ]


def translating(
    translations: Sequence[Mapping[str, Any]], names: Iterable[str]
) -> list[dict[str, Any]]:
    """What each translator had to do, and in how many seconds; the memory's share took none.

    Args:
        translations: As in `runs.json`.
        names: The study's translators, in the order to show them in.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in translations:
        report = one["report"]
        if report:
            name = one["translator"]
            total = found.setdefault(name, {"translator": name, **dict.fromkeys(_DONE, 0)})
            for key in _DONE:
                total[key] += report.get(key) or 0
    order = list(names)
    return sorted(found.values(), key=lambda one: order.index(one["translator"]))


_DONE: Final = ("seconds", "segments", "from_memory", "translated")


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study, finished or not."""
    return any((folder / name).is_file() for name in ("study.yaml", "runs.json"))


def write_study_page(folder: Path) -> Path:
    """Write `report.json` and `report.html` into a study's folder.

    Args:
        folder: A study's folder, as `run.run_study` left it.

    Returns:
        The page.

    Raises:
        RunError: A file is missing or damaged.
    """
    values = summarise(folder)
    write_json(values, folder / "report.json")
    return write_text(render_study(values), folder / "report.html")
