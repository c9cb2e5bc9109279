"""Predictions compared on the rows that they share: what one side gains over another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import polars as pl
from pydantic import BaseModel, PlainSerializer, model_validator

from babelift.config import Table
from babelift.errors import ConfigError, RunError, did_you_mean
from babelift.evaluation.differences import (
    Difference,
    Differences,
    Score,
    accuracies,
    paired_differences,
)
from babelift.evaluation.equivalence import (
    Equivalence,
    check_margin,
    equivalence,
)
from babelift.evaluation.multiple_tests import holm_of_exclusive
from babelift.evaluation.power import Detectable, could_have_seen
from babelift.evaluation.sides import Input, Right, Shared, named_sides, pair_rows, read_sides
from babelift.languages import resolve
from babelift.redaction import shown

LEVEL: Final = 0.95


class Side(BaseModel, frozen=True):
    """One of what is compared.

    Attributes:
        name: What it is called.
        source: Path of the file or run folder, in JSON what may be shown of it; None for a frame.
        rows: Rows that it came with, over all languages and seeds.
        unpaired: Those left out because another side lacks them, by language.
        unanswered: Those left out because they have no label or no prediction.
        copies: Seeds that answer all shared rows alike: one may be a copy of the other.
        languages: Accuracy on the shared rows of each language, 0 to 1.
        mean: The same on average over `Comparison.over`, each language counted once.
    """

    name: str
    source: Annotated[str | None, PlainSerializer(shown)]
    rows: int
    unpaired: dict[str, int]
    unanswered: int
    copies: tuple[tuple[str, ...], ...] = ()
    languages: dict[str, Score]
    mean: Score

    def __eq__(self, other: object) -> bool:
        # As written: what was read again has what may be shown of its path.
        return isinstance(other, Side) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(self.name)


class Baseline(BaseModel, frozen=True):
    """The accuracy of the linear baseline that was trained on the rows of these sides."""

    sides: tuple[str, ...]
    languages: dict[str, Score]
    mean: Score


Verdict = Literal["better", "worse", "not sure"]
"""What is sure of a difference: that the arm lies above its base, below it, or neither."""

Within = Literal["same", "at most below", "at most above", "not shown"]
"""What is sure against a margin: that the difference lies within it, that the arm lies at most so
far below its base, at most so far above it, or nothing."""


class AgainstMargin(BaseModel, frozen=True):
    """What is sure of one difference against the margin, beside all others of the comparison.

    Attributes:
        interval: Of level 1 - 2 * .05, which the two one-sided tests ask to lie within the margin.
        adjusted_p_below: One-sided p, after Holm, that the arm lies the margin or more below its
            base: the test of non-inferiority.
        adjusted_p_above: The same for above. The larger of both is the p of being the same (TOST).
        verdict: What these two say at the comparison's level.
    """

    interval: tuple[float, float]
    adjusted_p_below: float
    adjusted_p_above: float
    verdict: Within


class Claim(BaseModel, frozen=True):
    """What is sure of one difference, beside all others of the comparison.

    Attributes:
        adjusted_p: Two-sided p of the difference after Holm.
        verdict: What it says at the comparison's level.
        margin: The same against the margin; None without one.
    """

    adjusted_p: float
    verdict: Verdict
    margin: AgainstMargin | None = None


class Contrast(BaseModel, frozen=True):
    """What one side gains over another, as shares from -1 to 1; `arm` minus `base`.

    Attributes:
        arm: The side that is asked about.
        base: The side it is measured against.
        mean: On average over `Comparison.over`.
        languages: In each language.
        claim: What is sure on average.
        claims: What is sure in each language.
        could_have_seen: The smallest true difference on average that is claimed in four cases of
            five, by the correction at its strictest, with rows and seeds like these; and the range
            of that number that so few seeds leave.
    """

    arm: str
    base: str
    mean: Difference
    languages: dict[str, Difference]
    claim: Claim
    claims: dict[str, Claim]
    could_have_seen: Detectable


class Comparison(BaseModel, frozen=True):
    """Sides compared on the rows that all of them have: what `comparison.json` holds.

    Attributes:
        version: Of the record's form.
        about: What all claims are about: ways to train, judged from several trainings of each; or
            these very weights, where each side is one training. Then intervals and p cover the
            luck of test rows and say nothing of which way to train is better.
        level: Probability that intervals are made for.
        margin: The largest difference that does not matter, where one was given.
        labels: All labels that occur, or that the sides' models know.
        seeds: Seeds that every side was trained with; empty where no side has more than one.
        over: Languages that averages are taken over, each counted once.
        rows: Shared rows of each language, for each seed.
        too_few: Languages that are left out, for they have fewer than two shared items.
        one_label: Languages whose shared rows have one label alone, and that label.
        sides: What is compared, in the order given.
        baselines: The sides' linear baselines, where their predictions hold any.
        contrasts: What was asked.
        over_baseline: By side, what it gains over its own baseline, on average.
        tests: Number of differences that Holm's correction is over: of every contrast, on average
            and in each language. That on average weighs as much as those in the languages
            together; with a margin each has three hypotheses, of which one holds at most.
    """

    version: int = 2
    about: Literal["trainings", "weights"]
    level: float
    margin: float | None = None
    labels: tuple[str, ...]
    seeds: tuple[str, ...]
    over: tuple[str, ...]
    rows: dict[str, int]
    too_few: tuple[str, ...]
    one_label: dict[str, str] = {}
    sides: tuple[Side, ...]
    baselines: tuple[Baseline, ...]
    contrasts: tuple[Contrast, ...]
    over_baseline: dict[str, Difference]
    tests: int

    @model_validator(mode="before")
    @classmethod
    def _of_this_form(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("version") == 1:
            raise RunError(
                "this comparison was written by an older Babelift, which corrected its p otherwise "
                "and did not tell weights from trainings.",
                "Compare the predictions again; with --out, in another folder.",
            )
        return values


def compare(
    frames_or_paths: Sequence[pl.DataFrame | str | Path],
    *,
    names: Sequence[str] | None = None,
    contrasts: Sequence[tuple[str, str]] | None = None,
    over: Sequence[str] | None = None,
    margin: float | None = None,
    **table: Any,
) -> Comparison:
    """Compare predictions on the rows that all sides have.

    Rows are paired by id and language, and by seed where the sides have a column `seed` with more
    than one. Differences are differences in accuracy, as shares from -1 to 1; intervals are 95 %
    intervals over new test items and, with two seeds or more, over new trainings; p are corrected
    by Holm 1979 over all of the comparison's differences. With one seed all that is claimed is
    about these very weights (`Comparison.about`).

    Args:
        frames_or_paths: Two or more frames or files of predictions (.parquet, .jsonl, .csv, .tsv)
            with the columns id, label, prediction and lang, or folders of `babelift fit` or
            `babelift evaluate`. A column `group_id` says which rows are one test item. A folder
            that holds runs which differ in nothing but the seed is one side with as many seeds.
        names: What the sides are called; by default as files and folders, frames A, B, C ...
        contrasts: Pairs (arm, base) of names; by default each later side against the first.
        over: Languages that averages are taken over; by default all that are shared.
        margin: The largest difference in accuracy that does not matter, such as .02. Then each
            difference is also tested for lying within it: are both sides the same, and is the arm
            at most so far below its base? See `evaluation.equivalence`.
        **table: What the columns are called, as in `config.Table`: `id="key", lang="de"`.

    Raises:
        ConfigError: Fewer than two sides, names that are not one for each, a margin that is not
            above 0 and below 1, or a setting not known.
        DataError: A table cannot be read, lacks a column or has an id twice; the sides' labels
            differ, or they share no rows.
        RunError: A folder holds no predictions, or its record is damaged.

    >>> rows = {"id": ["1", "2", "3", "4"], "lang": ["de"] * 4, "label": ["a", "b", "a", "b"]}
    >>> old = pl.DataFrame({**rows, "prediction": ["a", "a", "b", "b"]})
    >>> new = pl.DataFrame({**rows, "prediction": ["a", "b", "a", "a"]})
    >>> comparison = compare([old, new], names=["old", "new"])
    >>> comparison.contrasts[0].mean.delta, comparison.rows, comparison.about
    (0.25, {'de': 4}, 'weights')
    >>> [side.mean.value for side in comparison.sides]
    [0.5, 0.75]
    """
    if isinstance(frames_or_paths, str | Path | pl.DataFrame) or len(frames_or_paths) < 2:
        raise ConfigError(
            "a comparison needs two or more sides.", "Name two runs or files of predictions."
        )
    columns = Table.from_mapping(table, where="compare")
    if margin is not None:
        check_margin(margin)
    named = named_sides(frames_or_paths, names)
    pairs = _pairs(list(named), contrasts)
    sides, labels = read_sides(named, columns)
    shared = pair_rows(sides)
    return _compared(sides, shared, pairs, _averaged(over, list(shared.count)), labels, margin)


def _pairs(
    names: Sequence[str], contrasts: Sequence[tuple[str, str]] | None
) -> list[tuple[str, str]]:
    if contrasts is None:
        return [(name, names[0]) for name in names[1:]]
    for name in (name for pair in contrasts for name in pair):
        if name not in names:
            raise ConfigError(
                f"'{name}' is none of the sides{did_you_mean(name, names)}",
                f"Sides: {', '.join(names)}.",
            )
    return list(contrasts)


def _averaged(over: Sequence[str] | None, langs: Sequence[str]) -> list[str]:
    if over is None:
        return list(langs)
    wanted = list(dict.fromkeys(map(resolve, over)))
    if not wanted:
        raise ConfigError("there are no languages to average over.")
    for lang in wanted:
        if lang not in langs:
            raise ConfigError(
                f"'{lang}' is no language that all sides were tested in{did_you_mean(lang, langs)}",
                f"Tested in: {', '.join(langs)}.",
            )
    return wanted


def _compared(
    sides: Sequence[Input],
    shared: Shared,
    pairs: Sequence[tuple[str, str]],
    over: Sequence[str],
    labels: Sequence[str],
    margin: float | None,
) -> Comparison:
    """Scores, differences and their correction, of sides that were read and paired."""
    answers = {side.name: shared.right(side.answered) for side in sides}
    linear = {
        side.name: right
        for side in sides
        if side.baseline.height and shared.covers(side.baseline)
        for right in [shared.right(side.baseline)]
    }
    gains = [_gain(answers[arm], answers[base], shared, over, margin) for arm, base in pairs]
    contrasts = _contrasts(pairs, gains, over)
    return Comparison(
        about="trainings" if len(shared.seeds) > 1 else "weights",
        level=LEVEL,
        margin=margin,
        labels=tuple(labels),
        seeds=tuple(shared.seeds),
        over=tuple(over),
        rows=shared.count,
        too_few=tuple(shared.too_few),
        one_label=shared.one_label,
        sides=tuple(
            Side(
                name=side.name,
                source=side.source,
                rows=side.answers.height,
                unanswered=side.answers.height - side.answered.height,
                unpaired=shared.unpaired(side),
                copies=shared.copies(side.answered),
                **_scores(answers[side.name], shared, over),
            )
            for side in sides
        ),
        baselines=tuple(
            Baseline(sides=names, **_scores(linear[names[0]], shared, over))
            for names in _alike(linear)
        ),
        contrasts=contrasts,
        over_baseline={
            name: _gain(answers[name], right, shared, over).average.mean
            for name, right in linear.items()
        },
        tests=sum(len(gain.places) for gain in gains),
    )


@dataclass(frozen=True, slots=True)
class _Gain:
    """One contrast's differences before correction, and how they stand against the margin.

    Attributes:
        average: Over the languages that count.
        places: In every language, and on average (`_MEAN`) where that is not one language alone.
        margins: The same places against the margin; empty without one.
    """

    average: Differences
    places: dict[str, Difference]
    margins: dict[str, Equivalence]


_MEAN: Final = ""


def _gain(
    arm: Right, base: Right, shared: Shared, over: Sequence[str], margin: float | None = None
) -> _Gain:
    places: dict[str, Difference] = {}
    margins: dict[str, Equivalence] = {}
    for counted, rows in shared.parts(over):
        differences = paired_differences(
            arm[:, rows], base[:, rows], shared.langs[rows], shared.items[rows], level=LEVEL
        )
        places |= differences.languages
        if counted:
            average = differences
        if margin is not None:
            held = equivalence(differences, margin)
            margins |= held.languages | ({_MEAN: held.mean} if counted else {})
    places = dict(sorted(places.items())) | ({_MEAN: average.mean} if over[1:] else {})
    return _Gain(average, places, margins)


def _contrasts(
    pairs: Sequence[tuple[str, str]], gains: Sequence[_Gain], over: Sequence[str]
) -> tuple[Contrast, ...]:
    """What is sure of each difference: all are one family.

    A contrast's mean weighs as much as its languages together; one language is its own mean.
    """
    mean = _MEAN if over[1:] else over[0]
    weights = [
        len(gain.places) - 1 or 1 if place == mean else 1 for gain in gains for place in gain.places
    ]
    hypotheses = [
        [difference.p, *((held.p_below, held.p_above) if held else ())]
        for gain in gains
        for place, difference in gain.places.items()
        for held in [gain.margins.get(place)]
    ]
    adjusted = iter(holm_of_exclusive(hypotheses, weights).tolist())
    contrasts = []
    for (arm, base), gain in zip(pairs, gains, strict=True):
        claims = {
            place: _claim(difference, gain.margins.get(place), *next(adjusted))
            for place, difference in gain.places.items()
        }
        strictest = (1 - LEVEL) * (len(claims) - 1 or 1) / sum(weights)
        contrasts.append(
            Contrast(
                arm=arm,
                base=base,
                mean=gain.average.mean,
                languages={lang: own for lang, own in gain.places.items() if lang != _MEAN},
                claim=claims[mean],
                claims={lang: claim for lang, claim in claims.items() if lang != _MEAN},
                could_have_seen=could_have_seen(gain.average, level=strictest),
            )
        )
    return tuple(contrasts)


def _claim(difference: Difference, held: Equivalence | None, p: float, *of_margin: float) -> Claim:
    """A difference's claim from its p after correction, and those against the margin if any."""
    level = 1 - LEVEL
    verdict: Verdict = "not sure"
    if p <= level:
        verdict = "better" if difference.delta > 0 else "worse"
    if held is None:
        return Claim(adjusted_p=p, verdict=verdict)
    below, above = of_margin
    within: Within = "not shown"
    if max(below, above) <= level:
        within = "same"
    elif min(below, above) <= level:
        within = "at most below" if below <= level else "at most above"
    margin = AgainstMargin(
        interval=held.interval, adjusted_p_below=below, adjusted_p_above=above, verdict=within
    )
    return Claim(adjusted_p=p, verdict=verdict, margin=margin)


def _scores(right: Right, shared: Shared, over: Sequence[str]) -> dict[str, Any]:
    """Accuracy in every language, and on average over those that count."""
    each: dict[str, Score] = {}
    for counted, rows in shared.parts(over):
        scores = accuracies(right[:, rows], shared.langs[rows], shared.items[rows], level=LEVEL)
        each |= scores.languages
        if counted:
            mean = scores.mean
    return {"mean": mean, "languages": dict(sorted(each.items()))}


def _alike(linear: dict[str, Right]) -> list[tuple[str, ...]]:
    """The sides whose baselines answer alike: they learnt from the same rows."""
    alike: dict[bytes, list[str]] = {}
    for name, right in linear.items():
        alike.setdefault(right.tobytes(), []).append(name)
    return [tuple(names) for names in alike.values()]
