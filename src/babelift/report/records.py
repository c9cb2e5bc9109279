"""What the files of runs, comparisons and studies hold, as typed, checked records."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from babelift.errors import RunError
from babelift.hub import non_commercial

Interval = tuple[float, float]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Score = Annotated[float | None, BeforeValidator(_known)]
"""A score, None where it is not known; JSON's NaN and Infinity count as not known."""


class Record(BaseModel):
    """Base: frozen, and unknown keys are ignored so that newer runs can still be read."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class LabelScore(Record):
    """How well one label is found in one language."""

    precision: Score = None
    recall: Score = None
    f1: Score = None
    rows: int = 0


class LanguageMetrics(Record):
    """One language's scores; `confusion` has a row per true label, a column per predicted one."""

    f1_micro: Score
    f1_micro_interval: Interval | None = None
    f1_macro: Score = None
    f1_macro_interval: Interval | None = None
    rows: int = Field(ge=0)
    origin: str = "original"
    calibration_error: Score = None
    confusion: list[list[int]] = []
    per_label: dict[str, LabelScore] = {}
    mae: Score = None
    qwk: Score = None

    def majority(self) -> tuple[int, float] | None:
        """The most frequent test label's index and its share of the rows; None without rows."""
        totals = [sum(row) for row in self.confusion]
        if not sum(totals):
            return None
        top = max(range(len(totals)), key=totals.__getitem__)
        return top, totals[top] / sum(totals)


class Means(Record):
    """Plain means over the test languages."""

    f1_micro: Score = None
    f1_macro: Score = None
    languages: int = 0


class Metrics(Record):
    """What `metrics.json` holds."""

    labels: list[str] = []
    ordinal: bool = False
    languages: dict[str, LanguageMetrics]
    linear: dict[str, LanguageMetrics] = {}
    mean: Means = Means()

    @model_validator(mode="after")
    def _confusions_fit_the_labels(self) -> Self:
        size = len(self.labels)
        for lang, scores in self.languages.items():
            rows = scores.confusion
            if rows and (len(rows) != size or any(len(row) != size for row in rows)):
                raise ValueError(f"'confusion' of '{lang}' must be {size} x {size}")
        return self


class File(Record):
    """A data file that went into the run."""

    path: str
    sha256: str | None = None
    rows: int | None = None
    bytes: int | None = None
    role: str = ""


class Rejects(Record):
    """Rows that could not be used."""

    count: int = 0
    reasons: dict[str, int] = {}


class Repetition(Record):
    """A row that an earlier split shares with a later one."""

    kind: str = ""
    split: str = ""
    text: str | None = None
    other_split: str = ""
    other_text: str | None = None


class Leakage(Record):
    """What the leakage audit found and did."""

    policy: str = ""
    found: dict[str, int] = {}
    dropped: dict[str, int] = {}
    pairs: dict[str, dict[str, int]] = {}
    repeated: dict[str, int] = {}
    examples: list[Repetition] = []


class Pair(Record):
    """What became of the translations of one language pair."""

    rows: int = 0
    kept: int = 0
    dropped: int = 0
    missing: int = 0
    retried: int = 0
    repaired: int = 0
    faulty: int | None = None
    flags: dict[str, int] = {}


class Example(Record):
    """One translation in which a check found a fault."""

    flag: str
    source_lang: str = ""
    lang: str = ""
    source_text: str | None = None
    text: str | None = None


class Fallback(Record):
    """The second translator, for what the first one got wrong."""

    translator: str = ""
    fingerprint: str | None = None
    license: str | None = None


class Translation(Record):
    """The driver's account of its work."""

    translator: str = ""
    fingerprint: str = ""
    license: str | None = None
    fallback: Fallback | None = None
    seconds: float | None = None
    segments: int | None = None
    from_memory: int | None = None
    duplicates: int | None = None
    translated: int | None = None
    truncated: int = 0
    missing: int = 0
    pairs: dict[str, Pair] = {}
    examples: list[Example] = []


class Trained(Record):
    """The trainer's account of its work."""

    encoder: str = ""
    license: str | None = None
    parameters: int | None = None
    steps: int | None = None
    epochs: float | None = None
    best_step: int | None = None
    originals: int | None = None
    translations: int | None = None
    unpaired: int = 0
    recycled: int = 0
    precision: str | None = None
    seconds: float | None = None
    batch_originals: int | None = None
    batch_translations: int | None = None
    learning_rate: float | None = None
    stopped_early: bool = False


class Licence(Record):
    """Whose terms apply to a part of the run."""

    what: str = ""
    name: str = ""
    license: str | None = None
    note: str | None = None


class Manifest(Record):
    """What `manifest.json` holds."""

    babelift: str = ""
    command: list[str] = []
    created: str | None = None
    finished: str | None = None
    arm: str = ""
    from_: list[str] = Field([], alias="from")
    to: list[str] = []
    seed: int | None = None
    labels: list[str] = []
    ordinal: bool = False
    files: list[File] = []
    data: dict[str, dict[str, dict[str, int]]] = {}
    rejects: Rejects = Rejects()
    leakage: Leakage | None = None
    translation: Translation | None = None
    training: Trained | None = None
    licenses: list[Licence] = []
    versions: dict[str, str | None] = {}
    machine: dict[str, Any] = {}
    stages: dict[str, float | None] = {}
    energy_joules: float | None = None
    notes: list[str] = []

    def parts(self) -> list[Licence]:
        """Everything whose terms matter: the recorded licences and the second translator's."""
        second = self.translation.fallback if self.translation else None
        if second is None or any(second.translator == entry.name for entry in self.licenses):
            return self.licenses
        name = second.translator
        more = Licence(what="fallback translator", name=name, license=second.license)
        return [*self.licenses, more]

    def barred(self) -> list[Licence]:
        """The parts that forbid commercial use."""
        return [part for part in self.parts() if non_commercial(part.license, part.note)]

    def trained_on(self, lang: str) -> dict[str, int]:
        """Training rows of a language by origin, those with none left out."""
        return {origin: n for origin, n in self.data.get("train", {}).get(lang, {}).items() if n}


R = TypeVar("R", bound=Record)


def check(kind: type[R], values: Mapping[str, Any] | R, where: str) -> R:
    """Plain values as a record.

    Args:
        kind: The record to build.
        values: What the file holds, or a record already built.
        where: The file's name, for the error.

    Raises:
        RunError: A field is missing or of the wrong kind; names file and field.

    >>> check(Rejects, {"count": 2}, "manifest.json").count
    2
    >>> check(Rejects, {"count": "many"}, "manifest.json")
    Traceback (most recent call last):
    babelift.errors.RunError: manifest.json: 'count': Input should be a valid integer, unable ...
    """
    if isinstance(values, kind):
        return values
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        place = f"{where}: '{field}'" if field else where
        raise RunError(
            f"{place}: {first['msg'].removeprefix('Value error, ')}.",
            "The file is damaged or was not written by Babelift; run the same command again.",
        ) from error


class Value(Record):
    """A score with its interval."""

    score: float
    interval: Interval


class Effect(Record):
    """A difference of two scores with its interval."""

    delta: float
    interval: Interval

    def direction(self) -> int:
        """1 or -1 where the whole interval lies above or below zero, else 0."""
        low, high = self.interval
        return int(low > 0) - int(high < 0)


class Values(Record):
    """An arm's scores per language, and their mean over the languages that count."""

    languages: dict[str, Value]
    mean: Value | None = None


class Effects(Record):
    """Differences per language, and their mean over the languages that count."""

    languages: dict[str, Effect]
    mean: Effect | None = None


class Contrasted(Effects):
    """What one arm gained over another; see `babelift.evaluation.comparison.Contrast`."""

    arm: str
    base: str
    what: str
    rival: str | None = None


class Comparison(Record):
    """What `babelift.evaluation.comparison.compare` gives."""

    metric: str
    level: float
    resamples: int
    over: list[str]
    rows: dict[str, int]
    arms: dict[str, Values]
    linear: dict[str, Values] = Field(default_factory=dict)
    contrasts: list[Contrasted] = Field(default_factory=list)
    over_linear: dict[str, Effects] = Field(default_factory=dict)

    def baselines(self) -> list[tuple[list[str], Values]]:
        """The different baselines, each with the arms whose training rows it learnt from."""
        found: list[tuple[list[str], Values]] = []
        for arm, values in self.linear.items():
            same = next((arms for arms, known in found if known == values), None)
            if same is None:
                found.append(([arm], values))
            else:
                same.append(arm)
        return found


class Cell(Record):
    """A condition: an arm, and in what it differs from others of its arm."""

    arm: str
    otc: str = "off"
    ratio: str | None = None
    translator: str | None = None
    encoder: str | None = None
    rows: int | None = None

    @property
    def cell(self) -> "Cell":
        """The condition alone, fit to look things up by."""
        return Cell(
            arm=self.arm,
            otc=self.otc,
            ratio=self.ratio,
            translator=self.translator,
            encoder=self.encoder,
            rows=self.rows,
        )


class Difference(Record):
    """A paired difference with its interval and p."""

    delta: float
    interval: Interval
    p: Score = None
    seeds: int = 1
    items: int = 0
    seeds_seen: bool = True


class Differences(Record):
    """The mean over languages, and each language's own; keys are `lang` or `source>lang`."""

    mean: Difference
    languages: dict[str, Difference] = Field(default_factory=dict)
    level: float = 0.95


class Question(Record):
    """Which condition is measured against which, and what differs."""

    arm: Cell
    base: Cell
    kind: str


class Answer(Record):
    """One question's answer."""

    question: Question
    primary: bool = False
    differences: Differences
    by_language: dict[str, float] = Field(default_factory=dict)
    languages: dict[str, Difference] = Field(default_factory=dict)
    could_have_seen: Score = None
    adjusted_p: Score = None
    sentence: str
    by_language_sentence: str = ""
    arm: str
    base: str


class Coefficient(Record):
    """A row of a regression's table."""

    formula: str
    coefficient: float
    standard_error: Score = None
    p: Score = None
    interval: tuple[Score, Score] | None = None
    rows: int = 0


class Regression(Record):
    """The paper's table of one OTC and arm."""

    mixed: Coefficient
    plain: Coefficient
    variances: dict[str, Score] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    sentence: str = ""


class Mean(Cell):
    """A mean over seeds; `source` is absent where it is over sources, `lang` over languages."""

    source: str | None = None
    lang: str | None = None
    metric: str
    mean: Score
    spread: Score = None
    seeds: int = 1
    langs: int = 1


class Alignment(Cell):
    """How pairs lie in one language before or after training."""

    lang: str
    stage: str
    cosine: Score
    retrieval: Score
    uniformity: Score
    cka: Score
    pairs: int = 0


class Quality(Record):
    """How good one translator's translations of one pair are."""

    translator: str
    source: str
    lang: str
    rows: int = 0
    chrf: Score = None
    bleu: Score = None
    similarity: Score = None
    flagged: Score = None


class Trend(Record):
    """How scores change with the quality of the translations."""

    sentence: str


class Said(Record):
    """What most trainings answer, and the share of them that are right."""

    right: float
    says: str


class Flip(Record):
    """A test row whose decision OTC turns."""

    lang: str
    text: str | None = None
    label: str
    with_: Said = Field(alias="with")
    without: Said
    source_lang: str | None = None
    source_text: str | None = None


class Flips(Record):
    """The rows that OTC turns in one arm."""

    arm: str
    otc: str
    rows: int
    trainings: int
    counts: dict[str, int]
    gained: list[Flip] = Field(default_factory=list)
    lost: list[Flip] = Field(default_factory=list)


class Where(Record):
    """Where a signature was looked for."""

    arm: str
    lang: str | None = None


class Found(Record):
    """A failure signature that was found."""

    name: str
    kind: str = ""
    where: Where
    evidence: dict[str, Score] = Field(default_factory=dict)
    sentence: str
    advice: list[str] = Field(default_factory=list)


class Unfound(Record):
    """A signature that was looked for and is not there, or could not be judged."""

    name: str
    where: Where | None = None
    reason: str


class Diagnosis(Record):
    """What was found, what was looked for in vain, and what could not be judged."""

    findings: list[Found] = Field(default_factory=list)
    absent: list[Unfound] = Field(default_factory=list)
    not_judged: list[Unfound] = Field(default_factory=list)


class Labels(Record):
    """A number of labels, exact or a bound."""

    value: float
    bound: str = "exact"


class Worth(Record):
    """What translations of so many source rows are worth in native labels."""

    size: int
    score: float
    score_interval: Interval | None = None
    labels: Labels
    interval: tuple[Labels, Labels] | None = None


class NativeCurve(Record):
    """The learning curve of native rows."""

    kind: str = ""
    sizes: list[int]
    scores: list[float]
    intervals: list[Interval] = Field(default_factory=list)
    fitted: list[float] = Field(default_factory=list)


class Budget(Record):
    """The label budget of one language."""

    lang: str
    native: NativeCurve
    worth: list[Worth]
    notes: list[str] = Field(default_factory=list)
    sentence: str


class Cost(Record):
    """Mean seconds and tokens of an arm's trainings."""

    arm: str
    otc: str
    runs: int
    seconds: Score
    tokens: Score


class Translating(Record):
    """What a translator had to do."""

    translator: str
    seconds: Score = None
    segments: int = 0
    from_memory: int = 0
    translated: int = 0


class Translator(Record):
    """A translator and its terms."""

    name: str
    spec: str = ""
    license: str | None = None


class Summary(Record):
    """Everything a study's page shows."""

    title: str = "A study"
    question: str = ""
    created: str = ""
    opening: list[str] = Field(default_factory=list)
    answers: list[Answer] = Field(default_factory=list)
    regressions: dict[str, Regression] = Field(default_factory=dict)
    table: list[Mean] = Field(default_factory=list)
    means: list[Mean] = Field(default_factory=list)
    alignment: list[Alignment] = Field(default_factory=list)
    quality: list[Quality] = Field(default_factory=list)
    trend: Trend | None = None
    flips: Flips | None = None
    diagnosis: Diagnosis = Diagnosis()
    budget: list[Budget] = Field(default_factory=list)
    cost: list[Cost] = Field(default_factory=list)
    translating: list[Translating] = Field(default_factory=list)
    translators: list[Translator] = Field(default_factory=list)
    failed: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    shared: list[str] = Field(default_factory=list)
    labels: list[str] = Field(default_factory=list)
    settings: dict[str, Any] = Field(default_factory=dict)
    machine: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str | None] = Field(default_factory=dict)
