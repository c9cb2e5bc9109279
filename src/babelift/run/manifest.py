"""`Manifest`, what `manifest.json` says of a run, and what is looked up for it on the machine."""

import dataclasses
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Final, Self

import polars as pl
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    computed_field,
    model_validator,
)

from babelift.config import View
from babelift.corpus.leakage import LeakageReport
from babelift.evaluation.label_errors import LabelCheck
from babelift.hub import non_commercial
from babelift.redaction import shown, shown_command
from babelift.report.numbers import difference
from babelift.store import file_hash
from babelift.training.log import TrainResult
from babelift.translation.coverage import LabelGap
from babelift.translation.report import TranslationReport
from babelift.translation.segments import Tally


class Invocation(BaseModel, frozen=True):
    """One time that the run was worked on.

    Attributes:
        command: The command line as it may be shown; empty where it was called from Python.
        stages: The stages it finished.
    """

    command: Annotated[tuple[str, ...], AfterValidator(shown_command)]
    stages: tuple[str, ...] = ()


class InputFile(BaseModel, frozen=True):
    """A file that went into the run; hub data sets have no hash and no size.

    Its path is what may be shown of it.
    """

    path: Annotated[str, AfterValidator(shown)]
    role: str
    sha256: str | None = None
    bytes: int | None = None


class Rejects(BaseModel, frozen=True):
    """Rows that could not be used, and why."""

    count: int
    reasons: dict[str, int]


class Licence(BaseModel, frozen=True):
    """Whose terms apply to a part of the run."""

    what: str
    name: str
    license: str | None
    note: str | None = None


class Believed(BaseModel, frozen=True):
    """Rows of one language and label that joined the training.

    Attributes:
        lang: Language.
        label: The label that the model gave.
        rows: How many.
        probability: Its mean probability.
    """

    lang: str
    label: str
    rows: int
    probability: float


class SelfTraining(BaseModel, frozen=True):
    """What became of the unlabelled rows.

    Attributes:
        rows: Unlabelled rows that could be used, by language.
        left_out: The others, by reason.
        validation: F1-micro on all validation rows of the first model, then of each round.
        kept: Number of the round whose model was kept; 0 for the first model.
        believed: What the kept model was trained on beside the labelled rows.
        refused: Sentences about languages that were not believed.
    """

    rows: dict[str, int]
    left_out: dict[str, int]
    validation: tuple[float, ...] = ()
    kept: int = 0
    believed: tuple[Believed, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What it came to, for the reader."""
        number = sum(part.rows for part in self.believed)
        first, *others = (f"{score:.3f}".removeprefix("0") for score in self.validation)
        if self.kept:
            return (
                f"self-training: {number:,} of {sum(self.rows.values()):,} unlabelled rows joined "
                f"the training under the label that a first model gave them; F1-micro on "
                f"validation rows {others[self.kept - 1]}, {first} without them"
            )
        why = f"validation rows had {others[0]} with them, {first} without" if others else (
            "; ".join(self.refused) or "none was sure enough"
        )  # fmt: skip
        return f"self-training: no unlabelled row was believed, this is the first model ({why})"


class Viewed(BaseModel, frozen=True):
    """What of the test rows was judged, and what that brought.

    Attributes:
        view: What was judged.
        into: Language that rows were translated into.
        translator: Who translated them, by name.
        license: Of its weights or data.
        translated: Rows by language that have a translation.
        untranslated: Rows by language that have none, and were judged by their own text.
        accuracy: By language and view, the share of rows given the right label.
        gain: By how much `view` is right more often than the text alone, the mean over languages
            other than `into`; with its 95 % interval over test rows.
    """

    view: View
    into: str
    translator: str
    license: str | None = None
    translated: dict[str, int] = {}
    untranslated: dict[str, int] = {}
    accuracy: dict[str, dict[View, float]] = {}
    gain: tuple[float, float, float] | None = None

    @property
    def sentence(self) -> str:
        """What it came to, for the reader."""
        what = "its own text and its translation" if self.view == "both" else "its translation"
        text = (
            f"of each row in another language {what} into {self.into} by '{self.translator}' "
            f"{'were' if self.view == 'both' else 'was'} judged"
        )
        if self.gain is None:
            return text
        mean, low, high = self.gain
        gain = difference(mean, (low, high), 3)
        sure = "" if low > 0 or high < 0 else "; that cannot be told from none"
        return (
            f"{text}: {gain} F1-micro against the text alone, over the same test rows and "
            f"weights{sure}"
        )


def _tally_apart(values: Any) -> Any:
    """In JSON the counts of segments stand beside the others."""
    if not isinstance(values, dict):
        return values
    names = {field.name for field in dataclasses.fields(Tally)} - {
        "missing"
    }  # in JSON it counts rows
    return {**values, "tally": {name: values[name] for name in names if name in values}}


Translation = Annotated[
    TranslationReport, BeforeValidator(_tally_apart), PlainSerializer(TranslationReport.to_dict)
]


class Manifest(BaseModel, frozen=True, populate_by_name=True):
    """What is known of a run so far.

    Attributes:
        version: Of the file's form.
        babelift: Version that made the run.
        created: When its first stage was begun, ISO 8601.
        finished: When its last one ended.
        invocations: Each that finished a stage, in order; the last may be under way.
        arm: What the classifier is trained on.
        seed: Of everything random.
        withheld: Salted hashes of the settings that `config.yaml` does not show in full.
        files: What went in.
        versions: Of the packages that shape a result.
        machine: Processor, cores, memory (GiB), Python, operating system.
        rejects: Rows that could not be used.
        leakage: What the leakage audit found and did.
        labels: All labels, in order.
        ordinal: Whether they are ordered.
        from_: Languages whose originals are trained on; `from` in JSON.
        to: Languages the classifier is wanted for.
        translate_from: Languages whose rows are translated.
        translate_to: Languages the training rows are translated into.
        translation: What became of the translations of training and validation rows.
        translation_test: What became of the translations of test rows.
        label_check: How many given labels look wrong; None where that was not asked.
        label_gaps: Labels that have few training translations in a language, or none.
        data: Rows by split, language and origin.
        self_training: What became of the unlabelled rows.
        view: What of the test rows was judged; None for their own text alone.
        training: What the training did.
        licenses: Whose terms apply to the classifier.
        stages: Seconds that each finished stage took.
        energy_joules: Used by the processor, None where that cannot be read.
        notes: What a reader must know, as sentences.
    """

    version: int = 1
    babelift: str = ""
    created: str
    finished: str | None = None
    invocations: tuple[Invocation, ...]
    arm: str = ""
    seed: int | None = None
    withheld: dict[str, str] = {}
    files: tuple[InputFile, ...] = ()
    versions: dict[str, str] = {}
    machine: dict[str, str | int | float | None] = {}
    rejects: Rejects = Rejects(count=0, reasons={})
    leakage: LeakageReport | None = None
    labels: tuple[str, ...] = ()
    ordinal: bool = False
    from_: tuple[str, ...] = Field((), alias="from")
    to: tuple[str, ...] = ()
    translate_from: tuple[str, ...] = ()
    translate_to: tuple[str, ...] = ()
    translation: Translation | None = None
    translation_test: Translation | None = None
    label_check: LabelCheck | None = None
    label_gaps: tuple[LabelGap, ...] = ()
    data: dict[str, dict[str, dict[str, int]]] = {}
    self_training: SelfTraining | None = None
    view: Viewed | None = None
    training: TrainResult | None = None
    licenses: tuple[Licence, ...] = ()
    stages: dict[str, float]
    energy_joules: float | None = None
    notes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_the_first_version(cls, values: Any) -> Any:
        """Before there was a version, one command stood for all that were given."""
        if isinstance(values, dict) and "command" in values and "invocations" not in values:
            stages = list(values["stages"]) if isinstance(values.get("stages"), dict) else []
            return {**values, "invocations": [{"command": values["command"], "stages": stages}]}
        return values

    @classmethod
    def unknown(cls, **fields: Any) -> Self:
        """What is known of a model that no run made here: nothing, but for the given fields."""
        return cls(created="", invocations=(), stages={}, **fields)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def command(self) -> tuple[str, ...]:
        """The command line that trained the classifier, or was given last where none did."""
        trained = [invocation for invocation in self.invocations if "training" in invocation.stages]
        return next(
            (invocation.command for invocation in reversed(trained or self.invocations)), ()
        )

    def barred(self) -> list[Licence]:
        """The parts that forbid commercial use."""
        return [part for part in self.licenses if non_commercial(part.license, part.note)]

    def trained_on(self, lang: str) -> dict[str, int]:
        """Training rows of a language by origin, those with none left out."""
        return {origin: n for origin, n in self.data.get("train", {}).get(lang, {}).items() if n}


def count_rows(rows: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Rows by language and origin, as `Manifest.data` has them for a split."""
    counts: dict[str, dict[str, int]] = {}
    for lang, origin, number in rows.group_by("lang", "origin").len().sort("lang", "origin").rows():
        counts.setdefault(lang, {})[origin] = number
    return counts


def input_file(path: str, role: str) -> InputFile:
    """One input file, hashed."""
    file = Path(path)
    if not file.is_file():
        return InputFile(path=path, role=role)
    return InputFile(path=path, role=role, sha256=file_hash(file), bytes=file.stat().st_size)


_PACKAGES: Final = (
    "babelift", "torch", "transformers", "tokenizers", "accelerate", "ctranslate2",
    "polars", "numpy", "scikit-learn", "sentencex",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Installed versions of the packages that shape a result."""
    installed = {}
    for package in _PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed


def machine() -> dict[str, Any]:
    """Processor, cores, memory (GiB), Python and operating system."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": memory_gib(),
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()}",
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def memory_gib() -> float | None:
    """Memory of the machine in GiB; None where that cannot be told."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    return round(total / 2**30, 1)


_RAPL: Final = Path("/sys/class/powercap")


def joules_used() -> float | None:
    """Energy the processor packages have used so far (joules), None where it cannot be read."""
    try:
        counters = [int(zone.read_text()) for zone in _RAPL.glob("intel-rapl:?/energy_uj")]
    except (OSError, ValueError):
        return None
    return sum(counters) / 1e6 if counters else None


def joules_since(before: float | None) -> float | None:
    """What was used since an earlier reading; None where a counter wrapped in between."""
    now = joules_used()
    return None if before is None or now is None or now < before else now - before
