"""Arms compared on the same test rows: their scores, and what one gained over another."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from babelift.errors import ConfigError, DataError, did_you_mean
from babelift.evaluation.metrics import Counts, Floats, macro_from_counts, micro_from_counts
from babelift.prediction.rows import BASELINE, ENCODER, check_predictions

_CELLS_AT_A_TIME: Final = 8_000_000

Metric = Callable[[Floats, Floats, Floats], Floats]
METRICS: Final[dict[str, Metric]] = {
    "f1_micro": lambda hits, true, predicted: micro_from_counts(hits, true),
    "f1_macro": macro_from_counts,
}
"""What can be compared; each takes hits, true and predicted rows per label, `(..., labels)`."""


class Drawn(NamedTuple):
    """Scores on the test items as they are, and on items drawn anew.

    Attributes:
        observed: `(models, languages) float64`.
        resampled: `(resamples, models, languages) float64`; the models of one resample were
            scored on the same items.
    """

    observed: Floats
    resampled: Floats


def paired_bootstrap(
    true: Counts,
    predicted: Counts,
    langs: Counts,
    groups: Sequence[Hashable],
    classes: int,
    *,
    metric: str = "f1_micro",
    resamples: int = 5000,
    seed: int = 0,
) -> Drawn:
    """Draw the test items with replacement and score every model on each draw (Efron 1979).

    An item is all rows of one group, in all languages, so that parallel test sets are drawn as
    such. Items are drawn among those that occur in the same languages: a language keeps its number
    of items. What luck of the draw the models share cancels out in their difference.

    Args:
        true: `(rows,) int64` label numbers.
        predicted: `(models, rows) int64`.
        langs: `(rows,) int64` language numbers, 0 to the last without a gap.
        groups: The item of each row.
        classes: Number of labels.
        metric: One of `METRICS`.
        resamples: How many times to draw.
        seed: Seed of the draws.

    >>> true, langs = np.zeros(100, dtype=np.int64), np.zeros(100, dtype=np.int64)
    >>> predicted = np.stack([np.arange(100) % 2, np.arange(100) % 2])
    >>> drawn = paired_bootstrap(true, predicted, langs, range(100), 2)
    >>> drawn.observed.ravel().tolist()
    [0.5, 0.5]
    >>> bool((drawn.resampled[:, 0] == drawn.resampled[:, 1]).all())
    True
    """
    item, strata = _strata(langs, groups)
    parts = [
        _Language.of(item[rows], true[rows], predicted[:, rows], classes)
        for rows in (np.flatnonzero(langs == lang) for lang in range(int(langs.max()) + 1))
    ]
    generator = np.random.default_rng(seed)
    size = max(1, _CELLS_AT_A_TIME // len(strata))
    found = [
        _scores(_draw(strata, min(size, resamples - start), generator), parts, METRICS[metric])
        for start in range(0, resamples, size)
    ]
    observed = _scores(np.ones((1, len(strata))), parts, METRICS[metric])[0]
    return Drawn(observed, np.concatenate(found))


def _strata(langs: Counts, groups: Sequence[Hashable]) -> tuple[Counts, Counts]:
    """The number of each row's item, and for each item the number of its set of languages."""
    numbers: dict[Hashable, int] = {}
    item = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    present = np.zeros((len(numbers), int(langs.max()) + 1), dtype=np.bool_)
    present[item, langs] = True
    return item, np.unique(present, axis=0, return_inverse=True)[1].ravel()


def _draw(strata: Counts, size: int, generator: np.random.Generator) -> Floats:
    """How often each item is drawn: `(size, items)`; as many of each stratum as it has."""
    times = np.zeros((size, len(strata)))
    for stratum in range(int(strata.max()) + 1):
        items = np.flatnonzero(strata == stratum)
        times[:, items] = generator.multinomial(
            len(items), np.full(len(items), 1 / len(items)), size
        )
    return times


class _Language(NamedTuple):
    """What each item adds to the counts of one language: `(items, models * labels)`.

    Attributes:
        items: Numbers of the items that occur in the language.
        hits: Rows that were given their label.
        true: Rows that have the label.
        predicted: Rows that were given the label.
        shape: Models and labels.
    """

    items: Counts
    hits: Floats
    true: Floats
    predicted: Floats
    shape: tuple[int, int]

    @classmethod
    def of(cls, item: Counts, true: Counts, predicted: Counts, classes: int) -> "_Language":
        items, row = np.unique(item, return_inverse=True)
        models = len(predicted)
        found: list[Floats] = []
        for column, counted in (
            (np.broadcast_to(true, predicted.shape), predicted == true),
            (np.broadcast_to(true, predicted.shape), np.ones_like(predicted, dtype=np.bool_)),
            (predicted, np.ones_like(predicted, dtype=np.bool_)),
        ):
            cell = (row * models + np.arange(models)[:, None]) * classes + column
            counts = np.bincount(cell[counted], minlength=len(items) * models * classes)
            found.append(counts.reshape(len(items), models * classes).astype(np.float64))
        hits, of_label, given = found
        return cls(items, hits, of_label, given, (models, classes))


def _scores(times: Floats, parts: Sequence[_Language], score: Metric) -> Floats:
    """Scores of each draw: `(draws, models, languages)`."""
    found = []
    for part in parts:
        drawn = times[:, part.items]
        hits, true, predicted = (
            (drawn @ counts).reshape(-1, *part.shape)
            for counts in (part.hits, part.true, part.predicted)
        )
        found.append(score(hits, true, predicted))
    return np.stack(found, axis=-1)


_KEY = ["lang", "id"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A question to two arms: what `arm` gains over `base`.

    Attributes:
        arm: The arm that has something more.
        base: The arm it is measured against.
        what: What it has more, as the subject of a sentence: `Translating`, `OTC`.
        rival: What that replaces, where it replaces something: `zero-shot`.
    """

    arm: str
    base: str
    what: str
    rival: str | None = None


def compare(
    predictions: Mapping[str, pl.DataFrame],
    labels: Sequence[str],
    contrasts: Sequence[Contrast],
    *,
    over: Sequence[str],
    metric: str = "f1_micro",
    resamples: int = 5000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Score arms on the test rows they share, and the differences between them.

    Intervals are percentile intervals of the paired bootstrap over test items (`group_id`): they
    say how much a score or a difference owes to the choice of test rows, and nothing about the
    seed of a training.

    Args:
        predictions: For each arm a table as `predictions.make_predictions` makes it; rows whose
            `model` is `linear` are the baseline that was trained on the arm's rows.
        labels: All labels, in order.
        contrasts: Which arm is measured against which.
        over: Languages that means are taken over, each counted once.
        metric: `f1_micro` or `f1_macro`.
        resamples: How many times items are drawn.
        level: Share of the draws inside an interval.
        seed: Seed of the draws.

    Returns:
        Plain values, fit for JSON: `metric`, `level`, `resamples`, `over`, `rows` (test rows per
        language), `arms` and `linear` (for each arm `languages` and `mean`, each a `score` with
        its `interval`; arms trained on the same rows have the same baseline), `contrasts` (the
        fields of each contrast; `languages` and `mean`, each a `delta` with its `interval`), and
        `over_linear`, the same for each arm against its own baseline.

    Raises:
        ConfigError: A contrast names an arm that is not there, or the metric is not known.
        DataError: The arms were not tested on the same rows, or a table is damaged.

    >>> table = pl.DataFrame({"id": ["1", "2"], "lang": "de", "label": ["a", "b"]})
    >>> arms = {
    ...     "plain": table.with_columns(prediction=pl.Series(["b", "b"])),
    ...     "more": table.with_columns(prediction=pl.Series(["a", "b"])),
    ... }
    >>> found = compare(arms, ["a", "b"], [Contrast("more", "plain", "More")], over=["de"])
    >>> found["contrasts"][0]["mean"]
    {'delta': 0.5, 'interval': [0.0, 1.0]}
    """
    _check(predictions, contrasts, metric)
    tables = _models(predictions, labels)
    first = next(iter(tables.values()))
    langs = sorted(first["lang"].unique())
    if strange := [lang for lang in over if lang not in langs]:
        raise DataError(f"no arm was tested in '{strange[0]}'; tested in: {', '.join(langs)}.")
    drawn = paired_bootstrap(
        _numbers(first["label"], labels),
        np.stack([_numbers(table["prediction"], labels) for table in tables.values()]),
        _numbers(first["lang"], langs),
        first["group_id"].to_list(),
        len(labels),
        metric=metric,
        resamples=resamples,
        seed=seed,
    )
    place = {name: number for number, name in enumerate(tables)}
    linear = [arm for arm in predictions if (arm, BASELINE) in place]
    view = _View(drawn, langs, [langs.index(lang) for lang in over], level)
    return {
        "metric": metric,
        "level": level,
        "resamples": resamples,
        "over": list(over),
        "rows": dict(first.group_by("lang").len().sort("lang").iter_rows()),
        "arms": {arm: view.scores(place[arm, ENCODER]) for arm in predictions},
        "linear": {arm: view.scores(place[arm, BASELINE]) for arm in linear},
        "contrasts": [
            asdict(one) | view.deltas(place[one.arm, ENCODER], place[one.base, ENCODER])
            for one in contrasts
        ],
        "over_linear": {
            arm: view.deltas(place[arm, ENCODER], place[arm, BASELINE]) for arm in linear
        },
    }


@dataclass(frozen=True, slots=True)
class _View:
    """Scores and differences of what was drawn, as plain values."""

    drawn: Drawn
    langs: Sequence[str]
    over: Sequence[int]
    level: float

    def scores(self, model: int) -> dict[str, Any]:
        return self._both("score", self.drawn.observed[model], self.drawn.resampled[:, model])

    def deltas(self, arm: int, base: int) -> dict[str, Any]:
        observed, resampled = self.drawn
        return self._both(
            "delta", observed[arm] - observed[base], resampled[:, arm] - resampled[:, base]
        )

    def _both(self, name: str, observed: Floats, resampled: Floats) -> dict[str, Any]:
        """Values per language, and their mean over the languages that count."""
        mean: dict[str, Any] | None = None
        if self.over:
            mean = self._one(name, observed[self.over].mean(), resampled[:, self.over].mean(axis=1))
        languages = {
            lang: self._one(name, observed[number], resampled[:, number])
            for number, lang in enumerate(self.langs)
        }
        return {"languages": languages, "mean": mean}

    def _one(self, name: str, observed: Any, resampled: Floats) -> dict[str, Any]:
        ends = [(1 - self.level) / 2, (1 + self.level) / 2]
        # Differences of equal scores are summed in another order; 1e-17 is no effect.
        interval = np.round(np.quantile(resampled, ends), 12) + 0.0
        return {name: round(float(observed), 12) + 0.0, "interval": interval.tolist()}


def _check(
    predictions: Mapping[str, pl.DataFrame], contrasts: Sequence[Contrast], metric: str
) -> None:
    if metric not in METRICS:
        raise ConfigError(
            f"metric '{metric}' is not known{did_you_mean(metric, METRICS)}",
            f"Known: {', '.join(METRICS)}.",
        )
    if not predictions:
        raise DataError("there are no arms to compare.")
    for name in (name for contrast in contrasts for name in (contrast.arm, contrast.base)):
        if name not in predictions:
            raise ConfigError(
                f"arm '{name}' is not there{did_you_mean(name, predictions)}",
                f"Arms: {', '.join(predictions)}.",
            )


def _models(
    predictions: Mapping[str, pl.DataFrame], labels: Sequence[str]
) -> dict[tuple[str, str], pl.DataFrame]:
    """The rows of each arm's encoder and baseline, all in one order."""
    found: dict[tuple[str, str], pl.DataFrame] = {}
    for arm, given in predictions.items():
        table = check_predictions(given, labels, f"the predictions of '{arm}'")
        for name, is_linear in ((ENCODER, False), (BASELINE, True)):
            part = table.filter((pl.col("model") == BASELINE) == is_linear).sort(_KEY)
            if part.height or name == ENCODER:
                found[arm, name] = part
    (first, _), *others = found
    for arm, name in others:
        _same_rows(found[first, ENCODER], found[arm, name], first, arm)
    return found


def _same_rows(one: pl.DataFrame, other: pl.DataFrame, first: str, arm: str) -> None:
    same = [*_KEY, "group_id", "label"]
    for a, b, more, less in ((one, other, first, arm), (other, one, arm, first)):
        lacking = a.join(b, on=same, how="anti")
        if lacking.height:
            row = lacking.row(0, named=True)
            raise DataError(
                f"row '{row['id']}' ({row['lang']}, labelled '{row['label']}') is in the test rows "
                f"of '{more}' but not in those of '{less}'.",
                "Arms can only be compared on the same test rows.",
            )


def _numbers(column: pl.Series, names: Sequence[str]) -> Any:
    return column.replace_strict(list(names), range(len(names)), return_dtype=pl.Int64).to_numpy()
