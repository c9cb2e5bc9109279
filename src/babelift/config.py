"""Settings: one frozen model per command, read from YAML, overridden by flags.

The same models give the command line its flags, so a default is stated once.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from babelift.errors import ConfigError, did_you_mean, quoted
from babelift.languages import reductions, resolve
from babelift.redaction import shown
from babelift.store import not_a_file

Arm = Literal[
    "zero-shot", "translated", "original", "original+translated", "translate-test", "round-trip",
    "self-trained",
]  # fmt: skip

View = Literal["own", "translated", "both"]
"""What of a row in another language is judged: its own text, its translation into the language that
the classifier was trained on, or both."""
QualityAction = Literal["keep", "drop", "retry"]
OTCForm = Literal["infonce", "cosine", "mse", "kl", "supcon"]
OTCPairs = Literal["translations", "shuffled", "dropout"]
Pooling = Literal["auto", "cls", "mean"]
Precision = Literal["auto", "bf16", "fp32"]


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str | Path) else value


def _resolved(tags: Any) -> Any:
    if not isinstance(tags := _as_tuple(tags), Iterable) or isinstance(tags, Mapping):
        return tags  # pydantic says what it must be
    return tuple(dict.fromkeys(resolve(str(tag)) for tag in tags))


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""Names, of which one may stand alone."""
Languages = Annotated[tuple[str, ...], BeforeValidator(_resolved)]
"""Languages, each once, as translators know them."""

DEFAULT_ENCODER: Final = "mmbert-small"
"""The encoder where none is named; docs/decisions/training.md says why."""

BATCH_TOKENS: Final = 4096
"""Tokens sent to a translator at a time, by default."""


MAX_YAML: Final = 256 << 10
"""Bytes that a file of settings may have; the largest study in use has some thousands."""

MAX_VALUES: Final = 10_000
"""Values that it may hold, aliases written out: ten lines of them can stand for billions."""

MAX_DEPTH: Final = 20
"""Levels of nested values."""


class _Loader(yaml.SafeLoader):
    """YAML without the readings that surprise: 1:5 is no number of minutes, `no` is Norwegian.

    Bounded before anything is made of it, and a name that occurs twice is a fault.
    """

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        nodes = [(node, 1)] if node is not None else []
        count = 0
        while nodes:
            node_, depth = nodes.pop()
            count += 1
            if count > MAX_VALUES or depth > MAX_DEPTH:
                what = f"{MAX_VALUES:,} values" if count > MAX_VALUES else f"{MAX_DEPTH} levels"
                raise yaml.composer.ComposerError(
                    None, None, f"more than {what}, with aliases written out", node_.start_mark
                )
            nodes += [(inner, depth + 1) for inner in _inner(node_)]
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            names: set[object] = set()
            for key, _ in node.value:
                name = self.construct_object(key)
                if name in names:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"'{name}' is set twice; keep one", key.start_mark
                    )
                names.add(name)
        return mapping


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


_OF_LANGUAGES: Final = ("from", "from_", "sources", "to", "targets")
"""Settings that name languages."""

# Each is narrower than YAML 1.1's own, so that what `to_yaml` writes is read as it was.
_READINGS = {
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": ("[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    "float": (r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?", "-+0123456789."),
    "null": ("~|null|Null|NULL|", ["~", "n", "N", ""]),
}
_Loader.yaml_implicit_resolvers = {}
for _kind, (_form, _first) in _READINGS.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_form})$"), list(_first)
    )


class Settings(BaseModel):
    """Base of every settings model: frozen, unknown keys refused with the nearest match."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    _notes: tuple[str, ...] = PrivateAttr(())

    @property
    def notes(self) -> tuple[str, ...]:
        """What is understood otherwise than it was written, as sentences for the user."""
        return self._notes

    @model_validator(mode="wrap")
    @classmethod
    def _noted(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(values)
        if isinstance(values, Mapping):
            named = [_as_tuple(values.get(name) or ()) for name in _OF_LANGUAGES]
            tags = [part for names in named for tag in names for part in str(tag).split("+")]
            made._notes = reductions(tags)
        return made

    @classmethod
    def keys(cls) -> list[str]:
        """The names a YAML file may use."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str = "the settings") -> Self:
        """Build from plain values, turning every fault into one readable error.

        Args:
            values: Names (as in YAML: `otc_weight` or `otc-weight`) to values.
            where: What to call the source in an error, e.g. a file's name.

        Raises:
            ConfigError: An unknown name (with the nearest match) or a value that is not allowed.
        """
        known = set(cls.keys()) | set(cls.model_fields)
        clean = _underscored(values, where)
        for key in clean:
            if key not in known:
                raise ConfigError(
                    f"{where}: setting {quoted(key, 60)} is not known{did_you_mean(key, known)}",
                    f"Known settings: {', '.join(sorted(cls.keys()))}.",
                )
        try:
            return cls.model_validate(clean)
        except ValidationError as error:
            raise ConfigError(_readable(error, where)) from error

    @classmethod
    def read(cls, path: Path, overrides: Mapping[str, Any] | None = None) -> Self:
        """Read a YAML file, with `overrides` taking precedence.

        Raises:
            ConfigError: The file cannot be read, is not a YAML mapping, or has a wrong setting.
        """
        values = _underscored(read_yaml(path), str(path))
        return cls.from_mapping({**values, **(overrides or {})}, where=str(path))

    def to_yaml(self) -> str:
        """The settings as YAML that `read` accepts and that may be shared; see `redaction`."""
        values = shown(self.model_dump(mode="json", by_alias=True))
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of settings as plain values.

    Raises:
        ConfigError: The file is none, or is too large, or as `parse_yaml`.
    """
    try:
        if kind := not_a_file(path):
            raise ConfigError(f"{path}: is {kind}; settings are read from files only.")
        with path.open("rb") as file:
            content = file.read(MAX_YAML + 1)
        if len(content) > MAX_YAML:
            raise ConfigError(
                f"{path}: has more than {MAX_YAML >> 10} KiB; settings have fewer.",
                "Is it the right file? Tables are named in it, not written into it.",
            )
        return parse_yaml(content.decode("utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """Plain values from a YAML mapping.

    Args:
        text: The YAML.
        where: What to call it in an error.

    Raises:
        ConfigError: It is no YAML mapping, sets a name twice, or is nested or repeated without
            measure.

    >>> parse_yaml("ratio: 1:5", "run.yaml")
    {'ratio': '1:5'}
    """
    try:
        loaded = yaml.load(text, Loader=_Loader)
    except RecursionError as error:
        raise ConfigError(
            f"{where}: is nested more than {MAX_DEPTH} levels deep.",
            "Settings are 'setting: value' lines.",
        ) from error
    # A value with a tag of its own, such as `!!int x`, fails with whatever its reading raises.
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigError(f"{where}: cannot be read as YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"{where}: must hold 'setting: value' lines, got {quoted(str(loaded), 60)}."
        )
    return loaded


def _later_and_off(settings: Settings, *later: str) -> list[str]:
    """Those of some settings that are at their default.

    A setting that came later is left out where it is off, so that what was made before it was there
    is found again.
    """
    fields = type(settings).model_fields
    return [
        name for name in later if name in fields and getattr(settings, name) == fields[name].default
    ]


def _underscored(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values by their names with underscores, whichever way they were written."""
    clean: dict[str, Any] = {}
    for name, value in values.items():
        key = str(name).replace("-", "_")
        if key in clean:
            raise ConfigError(f"{where}: '{key}' is set twice.", "Keep one of the two.")
        clean[key] = value
    return clean


def _readable(error: ValidationError, where: str) -> str:
    lines = []
    for fault in error.errors():
        field = ".".join(str(part) for part in fault["loc"])
        reason = fault["msg"].removeprefix("Value error, ")
        got = "" if fault["type"] == "value_error" else f" Got {fault['input']!r:.200}."
        full = f"{where}: '{field}': {reason.removesuffix('.')}.{got}"
        lines.append(full if field else f"{where}: {reason}")
    return "\n".join(lines)


class Table(Settings):
    """How a user's table is read."""

    text: str | None = Field(None, description="Column with the text.")
    label: str | None = Field(None, description="Column with the label.")
    lang: str | None = Field(
        None, description="Column with the language, or one language tag for the whole table."
    )
    id: str | None = Field(None, description="Column with a unique row id.")
    group: str | None = Field(
        None, description="Column that marks rows that are the same item (never split apart)."
    )
    dataset: str | None = Field(
        None, description="Published form of a known data set: marc, sib200, umsab, pawsx, ..."
    )
    max_rejects: float = Field(
        0.01, ge=0, le=1, description="Share of rows that may be rejected before the run stops."
    )


Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]

ASKING: Final = ("requests", "timeout", "batch_api", "price_characters", "price_tokens")
"""Settings of how a service is asked and paid, which change nothing in what comes out."""


class Translating(Settings):
    """How rows are translated."""

    to: Languages = Field((), description="Languages to translate into.")
    translator: str = Field("m2m100", description="Which translator; see 'babelift models'.")
    fallback: str | None = Field(
        None, description="Second translator for rows that fail a quality check (with retry)."
    )
    missing: Literal["error", "drop"] = Field(
        "error", description="What a table of translations does with a text it lacks."
    )
    beam_size: int = Field(1, ge=1, le=32, description="Beam width; 1 is greedy.")
    compute_type: str = Field("int8", description="CTranslate2's arithmetic: int8, float32, ...")
    output_vocabulary: Literal["whole", "target"] = Field(
        "whole",
        description="What M2M100 and NLLB choose among: all their tokens, or faster, those of the "
        "target's script, where that comes out alike.",
    )
    quality: QualityAction = Field(
        "drop", description="What to do with translations that fail a quality check."
    )
    keep_terms: Path | None = Field(
        None, description="File with a term on each line that stays as it is in translations."
    )
    batch_tokens: int = Field(
        BATCH_TOKENS,
        ge=16,
        description="Tokens sent to the translator at a time; a kill loses few batches.",
    )
    requests: int = Field(
        4, ge=1, le=64, description="Requests to a service that are under way at a time."
    )
    timeout: float = Field(
        120.0, gt=0, le=86_400, description="Seconds that a service has for a whole answer."
    )
    batch_api: bool = Field(
        False,
        description="Ask openai: on its batch endpoint: half the price, within a day.",
    )
    price_characters: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="Price of a million characters sent to a service, for what a job costs.",
    )
    price_tokens: tuple[Price, Price] | None = Field(
        None, description="Prices of a million tokens sent to a service and of a million received."
    )

    @model_validator(mode="after")
    def _fallback_is_used(self) -> Self:
        if self.fallback and self.quality != "retry":
            raise ValueError(
                f"fallback '{self.fallback}' is only used with quality 'retry', which is "
                f"'{self.quality}'"
            )
        return self


class Distributed(Settings):
    """Where texts are translated or labelled."""

    on: Literal["local", "ray"] = Field(
        "local", description="Where the work is done: on this machine or on a Ray cluster."
    )
    workers: int | None = Field(
        None,
        ge=1,
        description="Processes on the Ray cluster; as many as it has room for if absent.",
    )

    @model_validator(mode="after")
    def _workers_are_used(self) -> Self:
        if self.workers and self.on != "ray":
            raise ValueError(f"workers '{self.workers}' is only used with on 'ray'")
        return self


class TableOut(Settings):
    """The file that is written."""

    out: Path | None = Field(None, description="File to write: .parquet, .jsonl or .csv.")
    excel_safe: bool = Field(
        False,
        description="Put an apostrophe before what a spreadsheet would take for a formula in a "
        ".csv: text and column names that begin with = + - @ or a tab. It stays when read again.",
    )

    @model_validator(mode="after")
    def _excel_reads_csv(self) -> Self:
        if self.excel_safe and self.out and self.out.suffix.lower() != ".csv":
            raise ValueError(f"'excel_safe' is only used with a .csv. Got out '{self.out}'")
        return self

    def content(self, *others: str) -> dict[str, Any]:
        """Plain values of the settings that change what is in the file.

        Args:
            *others: Settings that do not, beside `out`.
        """
        off = _later_and_off(self, "excel_safe", "output_vocabulary")
        return self.model_dump(mode="json", exclude={"out", *off, *others})


class TranslateConfig(TableOut, Table, Translating, Distributed):
    """Settings of `babelift translate`."""

    input: OneOrMore = Field((), description="Tables to translate.")
    with_originals: bool = Field(False, description="Write the originals too.")
    quality: QualityAction = Field(
        "keep", description="What to do with translations that fail a quality check."
    )


class Training(Settings):
    """How the encoder is trained."""

    encoder: str = Field(
        DEFAULT_ENCODER, description="Named encoder (see 'babelift models'), folder or hub id."
    )
    otc: bool = Field(True, description="Tie each original to its translation (OTC loss).")
    otc_weight: float = Field(0.4, ge=0, description="Weight of OTC beside cross-entropy.")
    otc_form: OTCForm = Field(
        "infonce",
        description="Contrastive; without negatives (cosine, mse); on predictions (kl); or by "
        "labels, of all rows with all others (supcon).",
    )
    otc_pairs: OTCPairs = Field(
        "translations",
        description="What OTC ties an original to; others than its translation are controls.",
    )
    otc_one_way: bool = Field(False, description="Only original to translation.")
    otc_warmup: float = Field(0.0, ge=0, le=1, description="Share of steps over which OTC grows.")
    otc_projection: int = Field(
        0, ge=0, description="Width of a projection head thrown away after training; 0 for none."
    )
    same_label: Literal["negatives", "masked", "positives"] = Field(
        "negatives",
        description="What the other language's rows with the same label are to OTC (infonce).",
    )
    temperature: float = Field(0.07, gt=0, description="OTC's temperature.")
    learn_temperature: bool = Field(False, description="Train the temperature too.")
    pooling: Pooling = Field(
        "auto",
        description="Vector OTC compares: what the head reads (auto), the first token's (cls) or "
        "the mean.",
    )
    ratio: str = Field("1:1", description="Originals to translations in every batch.")
    epochs: int | None = Field(
        None, ge=1, description="Passes over the originals; by encoder and rows if absent."
    )
    steps: int | None = Field(None, ge=1, description="Updates; overrides epochs.")
    batch_size: int = Field(32, ge=2, description="Rows in a batch, translations included.")
    max_length: int = Field(128, ge=4, description="Tokens per text in training.")
    learning_rate: float | None = Field(None, gt=0, description="Peak rate; by encoder if absent.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's weight decay.")
    warmup: float = Field(0.1, ge=0, le=1, description="Share of steps of linear warm-up.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing.")
    class_weights: bool = Field(False, description="Weigh classes by inverse frequency.")
    clip: float = Field(1.0, gt=0, description="Largest gradient norm.")
    patience: int | None = Field(
        None, ge=1, description="Epochs without a better validation score before stopping."
    )
    checkpoint_every: int = Field(200, ge=1, description="Updates between checkpoints.")
    precision: Precision = Field(
        "auto", description="bf16 where the processor has it (auto), or as said."
    )
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    trim_vocabulary: bool = Field(
        False,
        description="Write a smaller model, with the tokens of its training texts and single "
        "characters alone; other words are spelt.",
    )

    @field_validator("ratio")
    @classmethod
    def _ratio(cls, value: str) -> str:
        parts = value.split(":")
        if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
            raise ValueError(f"must be two whole numbers such as 1:1 or 1:5. Got {value!r}")
        return value


class FitConfig(Table, Translating, Training):
    """Settings of `babelift fit`."""

    train: OneOrMore = Field((), description="Labelled tables to train on.")
    validation: OneOrMore = Field((), description="Labelled tables to choose the model by.")
    test: OneOrMore = Field((), description="Labelled tables to test on.")
    from_: Languages = Field((), alias="from", description="Languages whose originals are used.")
    arm: Arm = Field("translated", description="What the classifier is trained on.")
    unlabelled: OneOrMore = Field(
        (), description="Tables of unlabelled rows to learn from too (arm self-trained)."
    )
    rounds: int = Field(
        2, ge=1, description="How often unlabelled rows are labelled and learnt from."
    )
    view: View | None = Field(
        None,
        description="What is judged of a row: its own text, its translation into the language of "
        "training, or both, whose probabilities are averaged. By default own, with the arm "
        "translate-test translated.",
    )
    leakage: Literal["error", "drop", "warn"] = Field(
        "error", description="What to do when train and test share items."
    )
    near_duplicates: float = Field(
        0.9, ge=0, le=1, description="Shingle similarity from which texts count as near-duplicates."
    )
    ordinal: bool | None = Field(
        None, description="Labels are ordered numbers; found out by itself if absent."
    )
    keep_texts: OneOrMore = Field(
        (),
        description="Files with a text on each line, whose tokens a trimmed vocabulary keeps too.",
    )
    out: Path | None = Field(None, description="Run folder.")

    @model_validator(mode="after")
    def _kept_texts_are_used(self) -> Self:
        if self.keep_texts and not self.trim_vocabulary:
            raise ValueError("'keep_texts' is only used with 'trim_vocabulary'")
        return self

    @model_validator(mode="after")
    def _arm_is_possible(self) -> Self:
        if bool(self.unlabelled) != (self.arm == "self-trained"):
            raise ValueError(
                "the arm self-trained needs 'unlabelled', tables of rows in the languages that "
                "the classifier is wanted for"
                if self.arm == "self-trained"
                else f"'unlabelled' is only used with the arm self-trained, not with '{self.arm}'"
            )
        if not self.unlabelled and not _later_and_off(self, "rounds"):
            raise ValueError("'rounds' is only used with the arm self-trained")
        if self.arm == "translate-test" and self.view == "own":
            raise ValueError(
                "the arm translate-test judges translations, but 'view' is 'own'; use the arm "
                "zero-shot, or leave 'view' out"
            )
        both = sorted(set(self.from_) & set(self.to))
        if self.arm not in ("original", "original+translated") and both:
            raise ValueError(
                f"'{both[0]}' stands in both 'from' and 'to', but the arm '{self.arm}' must not "
                "see originals of a target language; use the arm original or original+translated"
            )
        return self

    @property
    def judged(self) -> View:
        """`view`, or what the arm judges where it is absent."""
        return self.view or ("translated" if self.arm == "translate-test" else "own")


class Predicting(Table):
    """Which model labels which rows, and how."""

    model: str = Field("", description="Run folder, model folder or hub id.")
    input: OneOrMore = Field((), description="Tables to predict.")
    batch_size: int = Field(32, ge=1, description="Texts in a batch.")
    precision: Precision = Field(
        "fp32",
        description="Or bf16: faster where the processor has it, same labels, probabilities "
        "to some hundredths; auto for what suits it.",
    )
    lang: str | None = Field(None, description="Column with the language, or one tag; not needed.")


class Viewing(Predicting):
    """What of a row is judged, and who translates it."""

    view: View | None = Field(
        None,
        description="What is judged of a row: its own text, its translation into the language of "
        "training, or both; as the run did if absent.",
    )
    translator: str | None = Field(
        None, description="Who translates the rows (view); the run's translator if absent."
    )
    into: str | None = Field(
        None, description="Language the rows are translated into (view); the run's if absent."
    )

    @field_validator("into")
    @classmethod
    def _tag(cls, value: str | None) -> str | None:
        return value and resolve(value)


class PredictConfig(TableOut, Viewing, Distributed):
    """Settings of `babelift predict`."""


class ExportConfig(Table):
    """Settings of `babelift export`."""

    model: str = Field("", description="Run folder, model folder or hub id.")
    to: Literal["onnx"] = Field("onnx", description="The form of the export.")
    precision: Literal["float32", "int8"] = Field(
        "float32", description="Or int8: smaller, and seldom at parity."
    )
    input: OneOrMore = Field(
        (), description="Tables that both are compared on; a run's test rows if absent."
    )
    parity: float = Field(
        0.995,
        ge=0,
        le=1,
        description="Share of each language's rows that must get the label of the original.",
    )
    force: bool = Field(
        False, description="Write it also below that, and mark it as not at parity."
    )
    out: Path | None = Field(None, description="Folder to write.")


class SuggestConfig(TableOut, Predicting):
    """Settings of `babelift suggest`."""

    model: str = Field("", description="Run folder.")
    input: OneOrMore = Field((), description="Tables of unlabelled rows.")
    rows: int = Field(100, ge=1, description="Rows to choose.")
    languages: Literal["even", "unsure"] = Field(
        "even",
        description="The same number of rows from each language (even), or more from those in "
        "which the classifier is less sure (unsure).",
    )
    study: Path | None = Field(
        None, description="Folder of a study whose label budget says what so many labels are worth."
    )


class EvaluateConfig(Viewing):
    """Settings of `babelift evaluate`."""

    ordinal: bool | None = Field(
        None, description="Labels are ordered numbers; found out by itself if absent."
    )
    out: Path | None = Field(None, description="Folder for metrics.json and predictions.parquet.")
