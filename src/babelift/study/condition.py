"""The grid: every condition of a study, and the trainings that they share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, NamedTuple

from babelift.config import Training
from babelift.study.spec import OFF, PAIRED, TRANSLATING, StudySpec

Pair = tuple[str, str]
"""Source and target language."""

_ANY: Final[Mapping[str, frozenset[Pair] | None]] = {}

REFERENCE: Final = "reference"
"""The name of the data set's own translations, in place of a translator's."""


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
    """

    originals: tuple[str, ...]
    translate_from: tuple[str, ...]
    translate_to: tuple[str, ...]
    translator: str | None
    rows: int | None
    settings: Training
    tested: tuple[str, ...]
    tested_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Condition:
    """A place in the grid: what a job's scores count for.

    Attributes:
        arm: One of `spec.ARMS`.
        otc: `off`, `on` or the name of a variant.
        ratio: Originals to translations; None for arms without pairs.
        translator: None for arms that translate nothing.
        encoder: Name of the encoder.
        rows: Labelled originals of each language; None for all.
        seed: Seed of the training.
        source: Languages with labels, joined by `+`.
        langs: Test languages in which the scores count.
    """

    arm: str
    otc: str
    ratio: str | None
    translator: str | None
    encoder: str
    rows: int | None
    seed: int
    source: str
    langs: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """All conditions of a study, each with its job.

    Attributes:
        jobs: The trainings, none twice.
        places: Conditions, and the number of the job that serves each.
    """

    jobs: tuple[Job, ...]
    places: tuple[tuple[Condition, int], ...]

    @classmethod
    def of(cls, spec: StudySpec, pairs: Mapping[str, frozenset[Pair] | None] = _ANY) -> "Grid":
        """Lay out a study.

        A translator that lacks a pair is tried in the languages it has.

        Args:
            spec: The study.
            pairs: What each translator translates; None, or no entry, for any pair.

        What trains on the same rows in the same way is one job: the model trained on a source
        alone serves every target, and counts as `original` for its own language.

        >>> spec = StudySpec(train="a.csv", test="b.csv", targets=["de", "ja"], seeds=1, otc="off",
        ...     arms=["zero-shot", "translated"], primary={"over": "zero-shot"})
        >>> grid = Grid.of(spec)
        >>> [(place.arm, place.langs, job) for place, job in grid.places]
        [('zero-shot', ('de', 'ja'), 0), ('translated', ('de', 'ja'), 1)]
        """
        numbers: dict[Job, int] = {}
        found = list(_merged(_conditions(spec, pairs)))
        places = [(place, numbers.setdefault(job, len(numbers))) for place, job in found]
        return cls(tuple(numbers), tuple(places))


def _merged(found: Iterator[tuple[Condition, Job]]) -> Iterator[tuple[Condition, Job]]:
    """Jobs that differ in what they are tested with only, made one."""
    kept = list(found)
    by_training: dict[Job, dict[str, None]] = {}
    for _, job in kept:
        by_training.setdefault(replace(job, tested_by=()), {}).update(dict.fromkeys(job.tested_by))
    for place, job in kept:
        bare = replace(job, tested_by=())
        yield place, replace(bare, tested_by=tuple(by_training[bare]))


def _conditions(
    spec: StudySpec, pairs: Mapping[str, frozenset[Pair] | None]
) -> Iterator[tuple[Condition, Job]]:
    for seed, (encoder, path), arm in product(range(spec.seeds), spec.encoders.items(), spec.arms):
        for source, rows, langs, ratio, translator, otc in _axes(spec, arm, pairs):
            place = Condition(arm, otc, ratio, translator, encoder, rows, seed, source, langs)
            axes = {"encoder": path, "seed": seed} | ({"ratio": ratio} if ratio else {})
            yield place, _job(spec, place, spec.training(otc=otc, **axes))


class _Axes(NamedTuple):
    """A condition, but for arm, encoder and seed."""

    source: str
    rows: int | None
    langs: tuple[str, ...]
    ratio: str | None
    translator: str | None
    otc: str


def _axes(
    spec: StudySpec, arm: str, pairs: Mapping[str, frozenset[Pair] | None]
) -> Iterator[_Axes]:
    if arm == "original":
        sizes = dict.fromkeys((*spec.rows, *spec.native_rows))
        for lang, rows in product(spec.targets, sizes):
            yield _Axes(lang, rows, (lang,), None, None, OFF)
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
                if known is None or all(_pair(arm, one, lang) in known for one in source.split("+"))
            )
            groups = [(lang,) for lang in able] if apart else [able] if able else []
            for langs, ratio, otc in product(groups, ratios, spec.otc if paired else (OFF,)):
                yield _Axes(source, rows, langs, ratio, translator, otc)


def _pair(arm: str, source: str, target: str) -> Pair:
    """What has to be translated: training rows into the target, or test rows out of it."""
    return (target, source) if arm == "translate-test" else (source, target)


def _job(spec: StudySpec, place: Condition, settings: Training) -> Job:
    source = tuple(place.source.split("+"))
    own = place.langs if place.arm == "original+translated" else ()
    translates = place.arm in PAIRED
    return Job(
        originals=(*source, *own),
        translate_from=source if translates else (),
        translate_to=place.langs if translates else (),
        translator=place.translator if translates else None,
        rows=place.rows,
        settings=settings,
        tested=spec.languages,
        tested_by=(place.translator or "",) if place.arm == "translate-test" else (),
    )
