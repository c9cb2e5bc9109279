"""What a study compares: the axes of its grid, read from YAML and checked before anything runs."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from babelift.config import (
    DEFAULT_ENCODER,
    Languages,
    QualityAction,
    Settings,
    Table,
    Training,
    read_yaml,
)
from babelift.errors import ConfigError, did_you_mean
from babelift.languages import resolve
from babelift.redaction import shown

StudyArm = Literal[
    "zero-shot", "translated", "original", "original+translated", "translate-test", "round-trip",
    "both-views", "translated+both-views", "self-trained", "reference",
]  # fmt: skip
ARMS: Final[tuple[str, ...]] = get_args(StudyArm)

PAIRED: Final = (
    "translated", "original+translated", "round-trip", "translated+both-views", "reference",
)  # fmt: skip
"""Arms that train on pairs of an original and its translation: OTC and ratio are for these."""

BOTH_VIEWS: Final = ("both-views", "translated+both-views")
"""Arms whose probabilities are averaged over the test text and its translation into the source."""

VIEWED: Final = ("translate-test", *BOTH_VIEWS)
"""Arms that have the test text translated into the source."""

TRANSLATING: Final = ("translated", "original+translated", "round-trip", *VIEWED)
"""Arms that need a translator."""

OFF: Final = "off"
"""The name of no OTC among `otc`."""

_AXES: Final = ("ratio", "seed", "encoder", "otc")
"""Settings of a training that are axes of the study, or switched by one."""


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


class Primary(Settings):
    """The one contrast that the study is about, stated in advance.

    `arm` is compared with `over`, another arm; or, where `over` is absent, with itself without OTC.
    """

    arm: StudyArm = Field("translated", description="The arm that is expected to be better.")
    over: StudyArm | None = Field(
        None, description="The arm it is compared with; absent for the same arm without OTC."
    )
    otc: str = Field(OFF, description="With which OTC `arm` is taken.")
    translator: Annotated[str | None, AfterValidator(shown)] = Field(
        None, description="With which translator; the study's first where absent."
    )


class Prices(Settings):
    """What labelling and translating cost, in any one currency."""

    label: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Price of one native label."
    )
    million_characters: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="Price of translating a million characters of source text; 0 where it is free.",
    )


class StudySpec(Table):
    """A study: every allowed combination of the axes is a run."""

    title: str = Field("A study", description="Heading of the report.")
    question: str = Field("", description="What it is to find out, in a sentence.")
    train: tuple[str, ...] = Field(
        (), description="Tables of training rows; {lang} in a name stands for each language."
    )
    test: tuple[str, ...] = Field((), description="Tables of test rows, likewise.")
    unlabelled: tuple[str, ...] = Field(
        (), description="Tables of unlabelled rows for the arm self-trained, likewise."
    )
    rounds: int = Field(
        2, ge=1, description="How often unlabelled rows are labelled and learnt from."
    )
    parallel: bool = Field(
        False, description="Rows of one group in different languages are each other's translations."
    )
    sources: tuple[str, ...] = Field(
        ("en",), description="Languages with labels; en+de takes two together."
    )
    targets: Languages = Field((), description="Languages the classifier is wanted for.")
    arms: tuple[StudyArm, ...] = Field(("zero-shot", "translated"), description="Ways to train.")
    otc: tuple[str, ...] = Field((OFF, "on"), description="off, on, or names of `variants`.")
    variants: dict[str, dict[str, Any]] = Field(
        {}, description="Name of an OTC variant to the settings that make it."
    )
    ratios: tuple[str, ...] = Field(("1:1",), description="Originals to translations in a batch.")
    translators: dict[str, str] = Field(
        {"m2m100": "m2m100"}, description="Name in the report to translator; or a list of those."
    )
    encoders: dict[str, str] = Field(
        {DEFAULT_ENCODER: DEFAULT_ENCODER},
        description="Name in the report to encoder; or a list of those.",
    )
    encoder_settings: dict[str, dict[str, Any]] = Field(
        {},
        description="Name of an encoder to settings of its trainings alone, such as its "
        "learning rate.",
    )
    rows: tuple[int | None, ...] = Field(
        (None,), description="Labelled originals of a language; all where absent."
    )
    native_rows: tuple[int, ...] = Field(
        (), description="Further numbers of labelled originals for the arm original alone."
    )
    seeds: int = Field(5, ge=1, description="Trainings of every condition, each with a seed.")
    together: bool = Field(
        True, description="One classifier for all targets, instead of one for each."
    )
    quality: QualityAction = Field(
        "drop", description="What to do with translations that fail a quality check."
    )
    keep_terms: str | None = Field(
        None,
        description="File with a term on each line that stays as it is in translations; its name "
        "starts from the folder of the tables.",
    )
    settings: dict[str, Any] = Field({}, description="Settings shared by all trainings.")
    primary: Primary = Field(Primary(), description="The contrast stated in advance.")
    added: dict[str, str] = Field(
        {}, description="Arms made elsewhere: name to a table of predictions."
    )
    price: Prices = Field(
        Prices(), description="What labels and translating cost; a number is the price of a label."
    )

    @field_validator("sources", "targets", mode="before")
    @classmethod
    def _tags(cls, value: Any) -> Any:
        tags = ("+".join(resolve(part) for part in str(tag).split("+")) for tag in _listed(value))
        return tuple(dict.fromkeys(tags))

    @field_validator(
        "train", "test", "unlabelled", "otc", "ratios", "rows", "native_rows", mode="before"
    )
    @classmethod
    def _unrepeated(cls, value: Any) -> Any:
        # Other YAML readers give true and false for on and off; both are understood.
        names = (
            "on" if item is True else OFF if item is False else item for item in _listed(value)
        )
        return tuple(dict.fromkeys(names))

    @field_validator("translators", "encoders", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return value if isinstance(value, Mapping) else _by_shown_name(_listed(value))

    @field_validator("price", mode="before")
    @classmethod
    def _prices(cls, value: Any) -> Any:
        if value is None or isinstance(value, Prices):
            return value or Prices()
        if not isinstance(value, Mapping):
            value = {"label": value}
        return Prices.from_mapping(value, where="prices")

    @field_validator("arms", mode="before")
    @classmethod
    def _arms(cls, value: Any) -> Any:
        for name in _listed(value):
            if name not in ARMS:
                raise ValueError(
                    f"arm '{name}' is not known{did_you_mean(str(name), ARMS)}; "
                    f"arms: {', '.join(ARMS)}"
                )
        return tuple(dict.fromkeys(_listed(value)))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for required in ("train", "test", "targets", "arms", "translators", "encoders"):
            if not getattr(self, required):
                raise ValueError(f"'{required}' is needed: {_NEEDED[required]}")
        known = [OFF, "on", *self.variants]
        for name in self.otc:
            if name not in known:
                raise ValueError(f"otc '{name}' is not known{did_you_mean(name, known)}; "
                                 f"known: {', '.join(known)}")  # fmt: skip
        if "reference" in self.arms and not self.parallel:
            raise ValueError(
                "the arm 'reference' trains on trusted translations, which only a parallel data "
                "set has; say 'parallel: true' if rows of one group are translations of each other"
            )
        if bool(self.unlabelled) != ("self-trained" in self.arms):
            raise ValueError(
                "the arm 'self-trained' needs 'unlabelled', tables of rows in the targets"
                if not self.unlabelled
                else "'unlabelled' is only used with the arm 'self-trained'"
            )
        if taken := set(self.added) & set(ARMS):
            raise ValueError(f"'added' has the name of an arm, {', '.join(taken)}; take another")
        self._check_primary()
        for name in self.encoder_settings:
            if name not in self.encoders:
                raise ValueError(f"'encoder_settings' names the encoder '{name}', which is not "
                                 f"among the study's: {', '.join(self.encoders)}"
                                 f"{did_you_mean(name, self.encoders)}")  # fmt: skip
        for name, ratio, encoder in product(self.otc, self.ratios, self.encoders):
            self.training(otc=name, ratio=ratio, encoder_name=encoder)
        return self

    def _check_primary(self) -> None:
        primary = self.primary
        for arm in (primary.arm, primary.over):
            if arm is not None and arm not in self.arms:
                raise ValueError(f"the primary contrast names the arm '{arm}', which is not among "
                                 f"the study's: {', '.join(self.arms)}")  # fmt: skip
        if primary.otc not in self.otc or (primary.over is None and OFF not in self.otc):
            raise ValueError(f"the primary contrast needs otc '{primary.otc}'"
                             f"{'' if primary.over else ' and off'}; the study has "
                             f"{', '.join(self.otc)}")  # fmt: skip
        if primary.over is None and primary.otc == OFF:
            raise ValueError("the primary contrast compares an arm with itself; give 'over', or "
                             "an 'otc' other than off")  # fmt: skip
        if primary.translator is not None and primary.translator not in self.translators:
            raise ValueError(f"the primary contrast names the translator '{primary.translator}', "
                             f"which is not among the study's: {', '.join(self.translators)}"
                             f"{did_you_mean(primary.translator, self.translators)}")  # fmt: skip

    @property
    def languages(self) -> Languages:
        """Every language of the study: sources, then targets."""
        sources = (lang for source in self.sources for lang in source.split("+"))
        return tuple(dict.fromkeys((*sources, *self.targets)))

    def training(self, *, otc: str = OFF, encoder_name: str = "", **axes: Any) -> Training:
        """The settings of a training at one place of the grid.

        Args:
            otc: `off`, `on`, or the name of a variant.
            encoder_name: Whose own settings take precedence over the shared ones.
            **axes: `encoder`, `ratio`, `seed`, `steps`.

        Raises:
            ConfigError: A shared setting, or one of the variant, is not known or not allowed.
        """
        own = self.encoder_settings.get(encoder_name, {})
        if counted := {"steps", "epochs"} & set(own):
            raise ConfigError(
                f"'encoder_settings' of '{encoder_name}' sets '{min(counted)}', but all trainings "
                "of a study take the same number of updates.",
                "Set it in 'settings'.",
            )
        variant = self.variants.get(otc, {})
        sources = ((self.settings, "settings"), (own, f"{encoder_name}'s own"), (variant, otc))
        for source, where in sources:
            for name in _AXES:
                if name in source and not (name == "otc" and where == otc):
                    axis = name if name == "otc" else f"{name}s"
                    raise ConfigError(
                        f"'{where}' sets '{name}', which is an axis of the study.",
                        f"Use the axis '{axis}'.",
                    )
        values = {**self.settings, **own, **variant, "otc": otc != OFF}
        return Training.from_mapping({**values, **axes}, where=f"the study's settings ({otc})")

    def files(
        self, lang: str, split: Literal["train", "test", "unlabelled"], data: Path
    ) -> list[Path]:
        """The tables of one language and split, below the folder `data`; `hub:` is no folder."""
        from babelift.corpus.arrow import PREFIX

        names = [name.replace("{lang}", lang) for name in getattr(self, split)]
        return [Path(name) if name.startswith(PREFIX) else data / name for name in names]


def _by_shown_name(specs: Sequence[Any]) -> dict[str, str]:
    """Strings that load something, each under what may be shown of it.

    >>> _by_shown_name(["mini", "command:mt -k 1", "command:mt -k 2"])
    {'mini': 'mini', 'command:mt …': 'command:mt -k 1', 'command:mt … (2)': 'command:mt -k 2'}
    """
    named: dict[str, str] = {}
    for spec in dict.fromkeys(map(str, specs)):
        name, number = shown(spec), 2
        while name in named:
            name, number = f"{shown(spec)} ({number})", number + 1
        named[name] = spec
    return named


_NEEDED: Final = {
    "train": "the tables of training rows, such as sib200/{lang}.train.jsonl.gz",
    "test": "the tables of test rows, such as sib200/{lang}.test.jsonl.gz",
    "targets": "the languages the classifier is wanted for, such as [de, ja]",
    "arms": f"one or more of {', '.join(ARMS)}",
    "translators": "one or more; see 'babelift models'",
    "encoders": "one or more; see 'babelift models'",
}


def read_spec(path: Path, *, size: str | None = None, changes: Mapping[str, Any] | None = None,
              ) -> StudySpec:  # fmt: skip
    """Read a study's file.

    The file may hold `sizes`, a mapping from a name (`quick`, `full`) to the settings that differ
    at that size.

    Args:
        path: The YAML file.
        size: One of the file's sizes; None for what stands outside of `sizes`.
        changes: Settings that take precedence over the file's.

    Raises:
        ConfigError: The file cannot be read, or a setting is not known or does not fit the others.
    """
    values = read_yaml(path)
    sizes = values.pop("sizes", None) or {}
    if not isinstance(sizes, dict) or not all(
        isinstance(settings, dict) for settings in sizes.values()
    ):
        raise ConfigError(f"{path}: 'sizes' must give settings for each name, got {sizes!r}.")
    if size is not None:
        if size not in sizes:
            raise ConfigError(
                f"{path}: size '{size}' is not known{did_you_mean(size, sizes)}",
                f"Sizes of this study: {', '.join(sizes) or 'none'}.",
            )
        values |= sizes[size]
    try:
        return StudySpec.from_mapping({**values, **(changes or {})}, where=str(path))
    except ConfigError as error:
        if size is not None or not sizes:
            raise
        raise ConfigError(
            error.message, f"Choose one of its sizes with --size: {', '.join(sizes)}."
        ) from error
