"""Predictions compared on the rows that they share: what one side gains over another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
from pydantic import BaseModel, PlainSerializer

from babelift.config import Table
from babelift.errors import ConfigError, did_you_mean
from babelift.evaluation.differences import (
    Difference,
    Differences,
    Score,
    accuracies,
    paired_differences,
)
from babelift.evaluation.multiple_tests import holm
from babelift.evaluation.power import could_have_seen
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
        languages: Accuracy on the shared rows of each language, 0 to 1.
        mean: The same on average over `Comparison.over`, each language counted once.
    """

    name: str
    source: Annotated[str | None, PlainSerializer(shown)]
    rows: int
    unpaired: dict[str, int]
    unanswered: int
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


class Contrast(BaseModel, frozen=True):
    """What one side gains over another, as shares from -1 to 1; `arm` minus `base`.

    Attributes:
        arm: The side that is asked about.
        base: The side it is measured against.
        mean: On average over `Comparison.over`.
        languages: In each language.
        adjusted_p: p of `mean` after Holm, over all tests of the comparison.
        adjusted_p_by_language: p of each language after the same.
        could_have_seen: The smallest true difference on average that rows and seeds like these
            show in four cases of five.
    """

    arm: str
    base: str
    mean: Difference
    languages: dict[str, Difference]
    adjusted_p: float
    adjusted_p_by_language: dict[str, float]
    could_have_seen: float


class Comparison(BaseModel, frozen=True):
    """Sides compared on the rows that all of them have: what `comparison.json` holds.

    Attributes:
        version: Of the record's form.
        level: Probability that intervals are made for.
        labels: All labels that occur, or that the sides' models know.
        seeds: Seeds that every side was trained with; empty with one training on each side: then
            intervals and p are about these very weights and say nothing about training again.
        over: Languages that averages are taken over, each counted once.
        rows: Shared rows of each language, for each seed.
        too_few: Languages that are left out, for they have fewer than two shared items.
        one_label: Languages whose shared rows have one label alone, and that label.
        sides: What is compared, in the order given.
        baselines: The sides' linear baselines, where their predictions hold any.
        contrasts: What was asked.
        over_baseline: By side, what it gains over its own baseline, on average.
        tests: Number of p that Holm's correction is over: of every contrast, on average and in
            each language.
    """

    version: int = 1
    level: float
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


def compare(
    frames_or_paths: Sequence[pl.DataFrame | str | Path],
    *,
    names: Sequence[str] | None = None,
    contrasts: Sequence[tuple[str, str]] | None = None,
    over: Sequence[str] | None = None,
    **table: Any,
) -> Comparison:
    """Compare predictions on the rows that all sides have.

    Rows are paired by id and language, and by seed where the sides have a column `seed` with more
    than one. Differences are differences in accuracy, as shares from -1 to 1; intervals are 95 %
    intervals over new test items and, with two seeds or more, over new trainings; p are two-sided
    and corrected by Holm 1979 over all of the comparison's tests.

    Args:
        frames_or_paths: Two or more frames or files of predictions (.parquet, .jsonl, .csv, .tsv)
            with the columns id, label, prediction and lang, or folders of `babelift fit` or
            `babelift evaluate`. A column `group_id` says which rows are one test item.
        names: What the sides are called; by default as files and folders, frames A, B, C ...
        contrasts: Pairs (arm, base) of names; by default each later side against the first.
        over: Languages that averages are taken over; by default all that are shared.
        **table: What the columns are called, as in `config.Table`: `id="key", lang="de"`.

    Raises:
        ConfigError: Fewer than two sides, names that are not one for each, or a setting not known.
        DataError: A table cannot be read, lacks a column or has an id twice; the sides' labels
            differ, or they share no rows.
        RunError: A folder holds no predictions, or its record is damaged.

    >>> rows = {"id": ["1", "2", "3", "4"], "lang": ["de"] * 4, "label": ["a", "b", "a", "b"]}
    >>> old = pl.DataFrame({**rows, "prediction": ["a", "a", "b", "b"]})
    >>> new = pl.DataFrame({**rows, "prediction": ["a", "b", "a", "a"]})
    >>> comparison = compare([old, new], names=["old", "new"])
    >>> comparison.contrasts[0].mean.delta, comparison.rows
    (0.25, {'de': 4})
    >>> [side.mean.value for side in comparison.sides]
    [0.5, 0.75]
    """
    if isinstance(frames_or_paths, str | Path | pl.DataFrame) or len(frames_or_paths) < 2:
        raise ConfigError(
            "a comparison needs two or more sides.", "Name two runs or files of predictions."
        )
    columns = Table.from_mapping(table, where="compare")
    named = named_sides(frames_or_paths, names)
    pairs = _pairs(list(named), contrasts)
    sides, labels = read_sides(named, columns)
    shared = pair_rows(sides)
    return _compared(sides, shared, pairs, _averaged(over, list(shared.count)), labels)


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
) -> Comparison:
    """Scores, differences and their correction, of sides that were read and paired."""
    answers = {side.name: shared.right(side.answered) for side in sides}
    linear = {
        side.name: right
        for side in sides
        if side.baseline.height and shared.covers(side.baseline)
        for right in [shared.right(side.baseline)]
    }
    gains = [_differences(answers[arm], answers[base], shared, over) for arm, base in pairs]
    tests = [
        # One language is its own mean, and one test.
        [
            *(difference.p for difference in each.values()),
            *([differences.mean.p] if over[1:] else []),
        ]
        for differences, each in gains
    ]
    adjusted = iter(holm([p for own in tests for p in own]).tolist())
    contrasts = []
    for (arm, base), (differences, each) in zip(pairs, gains, strict=True):
        by_language = {lang: next(adjusted) for lang in each}
        contrasts.append(
            Contrast(
                arm=arm,
                base=base,
                mean=differences.mean,
                languages=each,
                adjusted_p=next(adjusted) if over[1:] else by_language[over[0]],
                adjusted_p_by_language=by_language,
                could_have_seen=could_have_seen(differences).effect,
            )
        )
    return Comparison(
        level=LEVEL,
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
                **_scores(answers[side.name], shared, over),
            )
            for side in sides
        ),
        baselines=tuple(
            Baseline(sides=names, **_scores(linear[names[0]], shared, over))
            for names in _alike(linear)
        ),
        contrasts=tuple(contrasts),
        over_baseline={
            name: _differences(answers[name], right, shared, over)[0].mean
            for name, right in linear.items()
        },
        tests=sum(map(len, tests)),
    )


def _differences(
    arm: Right, base: Right, shared: Shared, over: Sequence[str]
) -> tuple[Differences, dict[str, Difference]]:
    """On average over the languages that count, and in every language."""
    each: dict[str, Difference] = {}
    for counted, rows in shared.parts(over):
        differences = paired_differences(
            arm[:, rows], base[:, rows], shared.langs[rows], shared.items[rows], level=LEVEL
        )
        each |= differences.languages
        if counted:
            average = differences
    return average, dict(sorted(each.items()))


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
