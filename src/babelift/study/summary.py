"""`StudyResult`, what a study's `report.json` holds, worked out from the study's files alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
from pydantic import AfterValidator, BaseModel, BeforeValidator

from babelift.errors import RunError
from babelift.evaluation.sides import one_label
from babelift.redaction import shown
from babelift.report.numbers import language_name
from babelift.store import read_record, read_table
from babelift.study.answers import Answer, answers, failures, opening, otc_regressions
from babelift.study.budget import LabelBudget, budgets
from babelift.study.condition import AXES, OWN_TEXT, Condition
from babelift.study.decision import Decision, decide
from babelift.study.diagnosis import (
    Diagnosis,
    PairAlignment,
    diagnose,
    gather_evidence,
    pair_alignments,
)
from babelift.study.family import one_family
from babelift.study.flips import Flips, flips
from babelift.study.quality import Quality
from babelift.study.regression import Regression
from babelift.study.results import Scores, mean_scores, over_sources
from babelift.study.spec import StudySpec, read_spec
from babelift.study.trend import Trend, quality_trend
from babelift.training.cuts import Cut, cut_sentences

RESULT: Final = "report.json"
"""The file that holds a `StudyResult`."""


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


Score = Annotated[float | None, BeforeValidator(_known)]
"""A score, None where it is not known."""


@dataclass(frozen=True, kw_only=True)
class Mean(Condition):
    """A mean over seeds of one metric; `source` is None where it is over sources.

    Attributes:
        lang: Test language; None where the mean is over languages.
        metric: One of `results.METRICS`.
        mean: The mean.
        spread: Standard deviation over seeds.
        seeds: Seeds it is over.
        langs: Languages it is over.
    """

    lang: str | None
    metric: str
    mean: Score
    spread: Score = None
    seeds: int = 1
    langs: int = 1

    @property
    def condition(self) -> Condition:
        """The condition over its sources, fit to look things up by."""
        return Condition.of(self.to_dict()).over_sources()


class ArmCost(BaseModel, frozen=True):
    """Mean seconds and tokens of an arm's trainings."""

    arm: str
    otc: str
    runs: int
    seconds: float
    tokens: float


class Translating(BaseModel, frozen=True):
    """What a translator had to do; `from_memory` counts segments that it knew already."""

    translator: str
    seconds: float = 0
    segments: int = 0
    from_memory: int = 0
    translated: int = 0


class Translator(BaseModel, frozen=True):
    """A translator and its terms."""

    name: str
    spec: Annotated[str, AfterValidator(shown)] = ""
    license: str | None = None


class StudyResult(BaseModel, frozen=True):
    """Everything that a study's page shows.

    Attributes:
        version: Of this form.
        opening: The primary contrast in sentences.
        answers: All answers, the primary one first.
        tests: How many p were corrected together: all that the page claims something by, but that
            of the primary answer.
        regressions: The paper's table by OTC and arm.
        table: Means over seeds, by source.
        means: Means over sources and seeds, by language and over all of them.
        budget: What the translations are worth in native labels, by language.
        decision: What to do in each language; None where one way alone was tried.
        failed: What could not be run, by reason.
        cautions: What to read the answers with: cut texts, labels without translations or tests.
        shared: What the trainings share, as checked.
        settings: The study's own.
    """

    version: int = 1
    title: str = "A study"
    question: str = ""
    created: str = ""
    opening: list[str] = []
    answers: list[Answer] = []
    tests: int = 0
    regressions: dict[str, Regression] = {}
    table: list[Mean] = []
    means: list[Mean] = []
    alignment: list[PairAlignment] = []
    quality: list[Quality] = []
    trend: Trend | None = None
    flips: Flips | None = None
    diagnosis: Diagnosis = Diagnosis()
    budget: list[LabelBudget] = []
    decision: Decision | None = None
    cost: list[ArmCost] = []
    translating: list[Translating] = []
    translators: list[Translator] = []
    failed: list[str] = []
    cautions: list[str] = []
    notes: list[str] = []
    shared: list[str] = []
    labels: list[str] = []
    settings: dict[str, Any] = {}
    machine: dict[str, Any] = {}
    versions: dict[str, str | None] = {}


@dataclass(frozen=True, kw_only=True)
class _Place(Condition):
    """A training's part in the study, as `runs.json` has it."""

    run: str
    seed: int
    langs: list[str]


class _Characters(BaseModel):
    """Characters of a language's training rows that had to be translated."""

    lang: str
    rows: int | None
    characters: int


class _Runs(BaseModel):
    """What is read of `runs.json`."""

    created: str
    labels: list[str]
    notes: list[str]
    cautions: list[str] = []
    shared: list[str]
    machine: dict[str, Any]
    versions: dict[str, str | None]
    translators: list[Translator]
    translations: list[dict[str, Any]]
    characters: list[_Characters] = []
    quality: list[Quality]
    places: list[_Place]
    failed: dict[str, str]
    runs: dict[str, dict[str, Any]]


def summarise(folder: Path) -> StudyResult:
    """Work a study's files up into what its report shows.

    Args:
        folder: A study's folder, as `run.run_study` left it.

    Raises:
        RunError: A file is missing or damaged.
    """
    spec, runs, results, predictions = read_study(folder)
    texts = folder / "texts.parquet"
    places = [asdict(place) for place in runs.places]
    scores = Scores.of([*places, *_added(results, spec)], predictions)
    conditions = scores.conditions()
    answered = answers(spec, scores)
    family = one_family(
        answered,
        otc_regressions(results, answered),
        quality_trend(spec, scores, runs.quality),
        conditions,
    )
    alignments = pair_alignments(places, runs.runs)
    label_budgets = budgets(spec, results, scores)
    sent = {(part.lang, part.rows): part.characters for part in runs.characters}
    evidence = gather_evidence(spec, family.answers, scores, alignments, runs.quality)
    return StudyResult(
        title=spec.title,
        question=spec.question,
        created=runs.created,
        opening=opening(next((answer for answer in family.answers if answer.primary), None)),
        answers=family.answers,
        tests=family.tests,
        regressions=family.regressions,
        table=[Mean(**row) for row in mean_scores(results)],
        means=[Mean(**row) for row in over_sources(results)],
        alignment=alignments,
        quality=runs.quality,
        trend=family.trend,
        flips=flips(spec, places, predictions, read_table(texts) if texts.is_file() else None),
        diagnosis=diagnose(evidence),
        budget=label_budgets,
        decision=decide(spec, scores, results, sent, label_budgets),
        cost=costs(places, runs.runs),
        translating=translating(runs.translations, spec.translators),
        translators=runs.translators,
        failed=failures(runs.failed),
        cautions=[
            *cut_cautions(runs.runs.values()),
            *runs.cautions,
            *one_class_cautions(predictions),
        ],
        notes=runs.notes,
        shared=runs.shared,
        labels=runs.labels,
        settings=shown(spec.model_dump(mode="json", by_alias=True)),
        machine=runs.machine,
        versions=runs.versions,
    )


def read_study(folder: Path) -> tuple[StudySpec, _Runs, pl.DataFrame, pl.DataFrame]:
    """A study's settings, runs, results and predictions.

    Raises:
        RunError: A file is missing or damaged.
    """
    again = "Run 'babelift study' again."
    if not (folder / "runs.json").is_file():
        raise RunError(f"'{folder}' is not a finished study: it has no runs.json.", again)
    runs = read_record(folder / "runs.json", _Runs)
    results = read_table(folder / "results.parquet")
    predictions = read_table(folder / "predictions.parquet")
    return read_spec(folder / "study.yaml"), runs, results, predictions


def _added(results: pl.DataFrame, spec: StudySpec) -> list[dict[str, Any]]:
    """Predictions that were made elsewhere, as places in the grid."""
    rows = results.filter(pl.col("arm").is_in(list(spec.added)))
    groups = rows.group_by(*AXES, "run", "seed", maintain_order=True)
    return groups.agg(pl.col("lang").unique(maintain_order=True).alias("langs")).to_dicts()


def cut_cautions(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Texts that were cut, in training and in the test, for each encoder.

    Args:
        records: Those of the trainings, as plain values. Where trainings differ in their rows, the
            one that lost most of a language stands for all.
    """
    most: dict[str, dict[tuple[Any, ...], Cut]] = {}
    for record in records:
        training = record["training"]
        own = most.setdefault(training["encoder"], {})
        for values in (*training.get("cuts", ()), *record.get("cuts", ())):
            part = Cut.model_validate(values)
            key = (part.split, part.lang, part.origin, part.limit)
            if key not in own or part.cut > own[key].cut:
                own[key] = part
    return [
        f"{encoder}: {sentence}" if len(most) > 1 else sentence
        for encoder, own in most.items()
        for sentence in cut_sentences(list(own.values()))
    ]


def one_class_cautions(predictions: pl.DataFrame) -> list[str]:
    """Test languages whose rows have one label alone.

    Args:
        predictions: All predictions of the study.
    """
    own = predictions.filter(pl.col("text_by") == OWN_TEXT)
    return [
        f"{language_name(lang)} has test rows of one label alone ({label}): F1-macro and QWK "
        f"say nothing there and are left out, and F1-micro is the share of {label} that is "
        "recognised."
        for lang, label in one_label(own).items()
    ]


def costs(
    places: Iterable[Mapping[str, Any]], runs: Mapping[str, Mapping[str, Any]]
) -> list[ArmCost]:
    """Seconds and tokens of a training, the mean over the runs of each arm.

    Args:
        places: Conditions as plain values, each with its `run`.
        runs: Records by run.
    """
    by_arm: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for place in places:
        if record := runs.get(place["run"]):
            by_arm.setdefault((place["arm"], place["otc"]), []).append(record)
    return [
        ArmCost(
            arm=arm,
            otc=otc,
            runs=len({record["key"] for record in records}),
            seconds=sum(record["training"]["seconds"] for record in records) / len(records),
            tokens=sum(record["training"]["tokens"] for record in records) / len(records),
        )
        for (arm, otc), records in by_arm.items()
    ]


_DONE: Final = ("seconds", "segments", "from_memory", "translated")


def translating(
    translations: Sequence[Mapping[str, Any]], names: Iterable[str]
) -> list[Translating]:
    """What each translator had to do, and in how many seconds; the memory's share took none.

    Args:
        translations: As in `runs.json`.
        names: The study's translators, in the order to show them in.
    """
    totals: dict[str, dict[str, float]] = {}
    for translation in translations:
        if report := translation["report"]:
            total = totals.setdefault(translation["translator"], dict.fromkeys(_DONE, 0))
            for key in _DONE:
                total[key] += report.get(key) or 0
    return [Translating(translator=name, **totals[name]) for name in names if name in totals]


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study, finished or not."""
    return any((folder / name).is_file() for name in ("study.yaml", "runs.json"))
