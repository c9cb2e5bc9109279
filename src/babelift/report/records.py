"""What the files of comparisons and studies hold, as typed, checked records."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from babelift.errors import RunError

Interval = tuple[float, float]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Score = Annotated[float | None, BeforeValidator(_known)]
"""A score, None where it is not known; JSON's NaN and Infinity count as not known."""


class Record(BaseModel):
    """Base: frozen, and unknown keys are ignored so that newer runs can still be read."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


R = TypeVar("R", bound=Record)


def check(kind: type[R], values: Mapping[str, Any] | R, where: str) -> R:
    """Plain values as a record.

    Args:
        kind: The record to build.
        values: What the file holds, or a record already built.
        where: The file's name, for the error.

    Raises:
        RunError: A field is missing or of the wrong kind; names file and field.

    >>> check(Trend, {}, "report.json")
    Traceback (most recent call last):
    babelift.errors.RunError: report.json: 'sentence': ...
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


class Effect(Record):
    """A difference of two scores with its interval."""

    delta: float
    interval: Interval

    def direction(self) -> int:
        """1 or -1 where the whole interval lies above or below zero, else 0."""
        low, high = self.interval
        return int(low > 0) - int(high < 0)


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
