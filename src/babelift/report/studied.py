"""What a study's `report.json` holds, as typed, checked records."""

from typing import Any

from pydantic import Field

from babelift.report.records import Interval, Record, Score


class Cell(Record):
    """A condition: an arm, and in what it differs from others of its arm."""

    arm: str = Field(alias="study_arm")
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
