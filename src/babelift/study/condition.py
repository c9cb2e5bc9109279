"""The grid: every condition of a study, and the trainings that they share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, Final

from babelift.config import Training
from babelift.study.spec import OFF, PAIRED, TRANSLATING, VIEWED, StudySpec

Pair = tuple[str, str]
"""Source and target language."""

_ANY: Final[Mapping[str, frozenset[Pair] | None]] = {}

REFERENCE: Final = "reference"
"""The name of the data set's own translations, in place of a translator's."""

OWN_TEXT: Final = "own"
"""What the column `text_by` says of test rows in their authors' words."""

AVERAGED: Final = "own and "
"""What it begins with where probabilities are the mean over that text and a translator's."""

OWN: Final = "own"
"""The source of a condition that learns from the test language's own rows: it is compared with
conditions of every source."""


@dataclass(frozen=True)
class Job:
    """One training and its test, whatever it is wanted for.

    Attributes:
        originals: Languages whose labelled rows are trained on.
        translate_from: Languages whose rows are also trained on in translation.
        translate_to: Languages they are translated into.
        translator: Name of the translator, `reference` for the data set's own translations, None
            where nothing is translated.
        rows: Labelled originals of each language; None for all.
        settings: How it is trained.
        tested: Languages of the test rows.
        tested_by: Translators whose translations of the test rows are predicted as well.
        unlabelled: Languages of unlabelled rows that are learnt from too.
        back: Whether the translations are translated back, and those trained on in their place.
    """

    originals: tuple[str, ...]
    translate_from: tuple[str, ...]
    translate_to: tuple[str, ...]
    translator: str | None
    rows: int | None
    settings: Training
    tested: tuple[str, ...]
    tested_by: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    back: bool = False


@dataclass(frozen=True)
class Condition:
    """Everything that distinguishes two trainings of a study but the seed.

    The same type names what is averaged over sources: its `source` is then None.

    Attributes:
        arm: One of `spec.ARMS`, or the name of predictions made elsewhere.
        otc: `off`, `on` or the name of a variant.
        ratio: Originals to translations; None for arms without pairs.
        translator: None for arms that translate nothing.
        encoder: Name of the encoder; None for predictions made elsewhere, which go with any.
        source: Languages with labels, joined by `+`; `own` for what learns from the test
            language's own rows, which goes with every source; None for the mean over sources.
        rows: Labelled originals of each language that were asked for; None for all.

    >>> condition = Condition("translated", "on", "1:1", "mini", "mini", "en", 600)
    >>> str(condition)
    'translated, otc on, 1:1, translator mini, encoder mini, from en, 600 rows'
    >>> Condition.of({**condition.to_dict(), "seed": 3}) == condition
    True
    """

    arm: str
    otc: str = OFF
    ratio: str | None = None
    translator: str | None = None
    encoder: str | None = None
    source: str | None = None
    rows: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Condition":
        """Read it from plain values; what is no axis among them is left alone."""
        return cls(**{axis: values[axis] for axis in AXES})

    def to_dict(self) -> dict[str, Any]:
        """Plain values by axis, fit for JSON and for the columns of a table."""
        return {axis: getattr(self, axis) for axis in AXES}

    def over_sources(self) -> "Condition":
        """The same over all sources."""
        return replace(self, source=None)

    def __str__(self) -> str:
        words = {"otc": "otc {}", "translator": "translator {}", "encoder": "encoder {}",
                 "source": "from {}", "rows": "{:,} rows"}  # fmt: skip
        return ", ".join(
            words.get(axis, "{}").format(value)
            for axis, value in self.to_dict().items()
            if value is not None
        )


AXES: Final = tuple(field.name for field in fields(Condition))
"""The axes of a study, as attributes of a condition and as columns of every table."""


@dataclass(frozen=True)
class Place:
    """A place in the grid: a training, and the languages in which its scores count.

    Attributes:
        condition: How it is trained.
        seed: Seed of the training.
        langs: Test languages in which the scores count.
    """

    condition: Condition
    seed: int
    langs: tuple[str, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Place":
        """Read it from plain values."""
        return cls(Condition.of(values), values["seed"], tuple(values["langs"]))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return {**self.condition.to_dict(), "seed": self.seed, "langs": list(self.langs)}


@dataclass(frozen=True)
class Grid:
    """All conditions of a study, each with its job.

    Attributes:
        jobs: The trainings, none twice.
        places: Every training's part in the study, and the number of the job that serves it.
    """

    jobs: tuple[Job, ...]
    places: tuple[tuple[Place, int], ...]

    @classmethod
    def of(cls, spec: StudySpec, pairs: Mapping[str, frozenset[Pair] | None] = _ANY) -> "Grid":
        """Lay out a study.

        What trains on the same rows in the same way is one job: the model trained on a source
        alone serves every target, and counts as `original` for its own language.

        A translator that lacks a pair is tried in the languages it has.

        Args:
            spec: The study.
            pairs: What each translator translates; None, or no entry, for any pair.

        >>> spec = StudySpec(train="a.csv", test="b.csv", targets=["de", "ja"], seeds=1, otc="off",
        ...     arms=["zero-shot", "translated"], primary={"over": "zero-shot"})
        >>> grid = Grid.of(spec)
        >>> [(place.condition.arm, place.langs, job) for place, job in grid.places]
        [('zero-shot', ('de', 'ja'), 0), ('translated', ('de', 'ja'), 1)]
        """
        numbers: dict[Job, int] = {}
        places = [
            (place, numbers.setdefault(job, len(numbers)))
            for place, job in _merged(_places(spec, pairs))
        ]
        return cls(tuple(numbers), tuple(places))


def _merged(places: Iterator[tuple[Place, Job]]) -> Iterator[tuple[Place, Job]]:
    """Places with their jobs, of which those that differ only in `tested_by` are made one."""
    kept = list(places)
    by_training: dict[Job, dict[str, None]] = {}
    for _, job in kept:
        by_training.setdefault(replace(job, tested_by=()), {}).update(dict.fromkeys(job.tested_by))
    for place, job in kept:
        bare = replace(job, tested_by=())
        yield place, replace(bare, tested_by=tuple(by_training[bare]))


def _places(
    spec: StudySpec, pairs: Mapping[str, frozenset[Pair] | None]
) -> Iterator[tuple[Place, Job]]:
    for seed, encoder, arm in product(range(spec.seeds), spec.encoders, spec.arms):
        for condition, langs in _conditions(spec, arm, encoder, pairs):
            place = Place(condition, seed, langs)
            yield place, _job(spec, place)


def _conditions(
    spec: StudySpec, arm: str, encoder: str, pairs: Mapping[str, frozenset[Pair] | None]
) -> Iterator[tuple[Condition, tuple[str, ...]]]:
    """The conditions of an arm, each with the languages that one training serves."""
    if arm == "original":
        sizes = dict.fromkeys((*spec.rows, *spec.native_rows))
        for lang, rows in product(spec.targets, sizes):
            yield Condition(arm, encoder=encoder, source=OWN, rows=rows), (lang,)
        return
    paired = arm in PAIRED
    translators: tuple[str | None, ...] = (None,)
    if arm in TRANSLATING:
        translators = tuple(spec.translators)
    elif arm == "reference":
        translators = (REFERENCE,)
    ratios = spec.ratios if paired else (None,)
    for source, rows in product(spec.sources, spec.rows):
        targets = tuple(lang for lang in spec.targets if lang not in source.split("+"))
        apart = arm == "original+translated" or (paired and not spec.together)
        for translator in translators:
            known = pairs.get(translator or "")
            able = tuple(
                lang
                for lang in targets
                if known is None
                or all(_pairs(arm, part, lang) <= known for part in source.split("+"))
            )
            groups = [(lang,) for lang in able] if apart else [able] if able else []
            for langs, ratio, otc in product(groups, ratios, spec.otc if paired else (OFF,)):
                yield Condition(arm, otc, ratio, translator, encoder, source, rows), langs


def _pairs(arm: str, source: str, target: str) -> set[Pair]:
    """What has to be translated: training rows into the target, and they or test rows out of it."""
    there = {(source, target)} if arm in PAIRED else set()
    return there | ({(target, source)} if arm in (*VIEWED, "round-trip") else set())


def _job(spec: StudySpec, place: Place) -> Job:
    condition, langs = place.condition, place.langs
    axes: dict[str, Any] = {"encoder": spec.encoders[condition.encoder or ""], "seed": place.seed}
    if condition.ratio:
        axes["ratio"] = condition.ratio
    labelled = langs if condition.source == OWN else tuple((condition.source or "").split("+"))
    own = langs if condition.arm == "original+translated" else ()
    translates = condition.arm in PAIRED
    return Job(
        originals=(*labelled, *own),
        translate_from=labelled if translates else (),
        translate_to=langs if translates else (),
        translator=condition.translator if translates else None,
        rows=condition.rows,
        settings=spec.training(otc=condition.otc, encoder_name=condition.encoder or "", **axes),
        tested=spec.languages,
        tested_by=(condition.translator or "",) if condition.arm in VIEWED else (),
        unlabelled=langs if condition.arm == "self-trained" else (),
        back=condition.arm == "round-trip",
    )
