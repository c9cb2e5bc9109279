"""A run's manifest and metrics as typed, checked records."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from babelift.errors import RunError
from babelift.licences import non_commercial

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
