"""The numbers of Babelift's pages from their predictions again, from the formulas alone.

Written for `read_pages.py` from docs/statistics.md and the sources named there; nothing of
Babelift is imported, so that a fault of its statistics is not repeated here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import optimize, special, stats

Numbers = npt.NDArray[np.float64]

AXES: Final = ("arm", "otc", "ratio", "translator", "encoder", "source", "rows")
LEVEL: Final = 0.05
LEAST_P: Final = 1e-15


class Pair(NamedTuple):
    """Two conditions on what they share: `(seeds, rows)` differences of right answers.

    `strata`, `langs` and `items` are `(rows,)`: what the mean is over, the test language, and the
    test item.
    """

    difference: Numbers
    strata: npt.NDArray[Any]
    langs: npt.NDArray[Any]
    items: npt.NDArray[Any]

    def of(self, *langs: str) -> "Pair":
        """The rows of some languages."""
        own = np.isin(self.langs, langs)
        return Pair(self.difference[:, own], self.strata[own], self.langs[own], self.items[own])


@dataclass(frozen=True)
class Estimate:
    """A mean over strata with what is known of its luck.

    `of_seeds`, `of_items` and `of_both` are the variances that two-way clustering finds; `error`
    is the standard error, `share` how much of its square was judged from seeds.
    """

    delta: float
    low: float
    high: float
    p: float
    error: float
    share: float
    seeds: int
    items: int
    per_stratum: float
    freedom: int
    of_seeds: float
    of_items: float
    of_both: float


def errors(
    outside: float, share: Any, seeds: int, freedom: float, languages: tuple[float, int] = (0, 1)
) -> Any:
    """Standard errors to either side that leave so much outside.

    Cochran's weighted t with weights `share ** 1.2`; below .05 no faster than Student's t of the
    seeds; with one seed that of the items.

    >>> round(float(errors(0.05, 1.0, 5, 1e6)), 2), round(float(errors(0.05, 0.0, 1, 1e6)), 2)
    (2.78, 1.96)
    """
    if seeds == 1:
        return _student(outside, freedom) + 0 * np.asarray(share)

    def usual(outside: float) -> Any:
        base = _student(outside, freedom)
        total = base
        for part, own in ((share, seeds - 1), languages):
            total = total + np.asarray(part) ** 1.2 * (_student(outside, own) - base)
        return total

    if outside >= LEVEL:
        return usual(outside)
    times = _student(outside, seeds - 1) / _student(LEVEL, seeds - 1)
    return np.maximum(usual(outside), usual(LEVEL) * times)


def _student(outside: float, freedom: float) -> Any:
    return -special.stdtrit(freedom, outside / 2)


def two_sided(
    distance: float, share: float, seeds: int, freedom: float, languages: Any = (0, 1)
) -> float:
    """The p of an estimate that lies so many standard errors from zero."""

    def beyond(log_p: float) -> float:
        return float(errors(np.exp(log_p), share, seeds, freedom, languages)) - distance

    if distance == 0:
        return 1.0
    least = np.log(LEAST_P)
    return LEAST_P if beyond(least) <= 0 else float(np.exp(optimize.brentq(beyond, least, 0)))


def variance(of_seeds: float, of_items: float, of_both: float, seeds: int) -> tuple[float, float]:
    """Of the mean, and the share of it from seeds: never below half of what items say."""
    if seeds == 1:
        return of_items, 0.0
    total = max(of_seeds + max(0.0, of_items - of_both), of_items / 2)
    return (total, min(1.0, of_seeds / total)) if total > 1e-24 else (0.0, 0.0)


def estimate(difference: Numbers, strata: npt.NDArray[Any], items: npt.NDArray[Any]) -> Estimate:
    """The mean over strata, each counted once, over new seeds and new items.

    >>> right = np.array([[1.0, 1, 0, 0], [1, 0, 1, 0]])
    >>> found = estimate(right, np.array(["de"] * 4), np.arange(4))
    >>> found.delta, *(round(float(x), 6) for x in (found.of_items, found.of_both, found.of_seeds))
    (0.5, 0.041667, 0.041667, 0.0)
    """
    seeds, names = len(difference), np.unique(strata)
    left, weight = difference.astype(np.float64), np.zeros(difference.shape[1])
    by_seed, together = np.zeros((seeds, len(names))), 0
    for number, name in enumerate(names):
        own = strata == name
        by_seed[:, number] = left[:, own].mean(axis=1)
        left[:, own] -= by_seed[:, [number]]
        count = len(np.unique(items[own]))
        together += count
        weight[own] = (count / (count - 1)) ** 0.5 / (len(names) * own.sum())
    code = np.unique(items, return_inverse=True)[1]
    distinct, means = int(code.max()) + 1, by_seed.mean(axis=1)
    of_items = (np.bincount(code, left.mean(axis=0) * weight) ** 2).sum()
    of_seeds = of_both = 0.0
    if seeds > 1:
        of_seeds = means.var(ddof=1) / seeds
        rest = [np.bincount(code, row * weight) for row in left - left.mean(axis=0)]
        of_both = (np.array(rest) ** 2).sum() / (seeds * (seeds - 1))
    freedom = distinct - (len(names) if together == distinct else 1)
    total, share = variance(of_seeds, of_items, of_both, seeds)
    delta, error = float(means.mean()), total**0.5
    reach = error * float(errors(LEVEL, share, seeds, freedom))
    low, high = delta - reach, delta + reach
    if error:
        p = two_sided(abs(delta) / error, share, seeds, freedom)
    else:
        p = max(LEAST_P, 2.0 ** (1 - distinct)) if delta else 1.0
        if p > LEVEL:
            low, high = min(low, 0.0), max(high, 0.0)
    return Estimate(
        delta, max(-1.0, low), min(1.0, high), p, error, share, seeds, distinct,
        together / len(names), freedom, of_seeds, of_items, of_both,
    )  # fmt: skip


def elsewhere(pair: Pair) -> tuple[float, float, float]:
    """Ends and p of the mean where languages are drawn too; never surer than in these."""
    here = estimate(pair.difference, pair.langs, pair.items)
    names = np.unique(pair.langs)
    each = [estimate(*_columns(pair.of(name))) for name in names]
    many = len(each)
    apart = np.var([own.delta for own in each], ddof=1) / many
    alone = float(np.mean([own.error**2 for own in each]))
    shared = max(0.0, many * here.error**2 - alone) / (many - 1)
    total = float(apart + shared)
    if not total:
        return here.low, here.high, here.p
    share, languages = here.share * shared / total, (float(apart / total), many - 1)
    reach = total**0.5 * float(errors(LEVEL, share, here.seeds, here.freedom, languages))
    p = two_sided(abs(here.delta) / total**0.5, share, here.seeds, here.freedom, languages)
    low, high = min(here.low, here.delta - reach), max(here.high, here.delta + reach)
    return max(-1.0, low), min(1.0, high), max(p, here.p)


def _columns(pair: Pair) -> tuple[Numbers, npt.NDArray[Any], npt.NDArray[Any]]:
    return pair.difference, pair.langs, pair.items


def holm(tests: Sequence[tuple[Sequence[float], float]]) -> list[list[float]]:
    """Holm's step-down p with weights; of the hypotheses of one test one holds at most.

    >>> [round(p, 3) for (p,) in holm([([0.01], 1), ([0.04], 1), ([0.03], 1), ([0.005], 1)])]
    [0.03, 0.06, 0.06, 0.02]
    """
    order = sorted(
        (p / weight, number, place)
        for number, (own, weight) in enumerate(tests)
        for place, p in enumerate(own)
    )
    adjusted = [[1.0] * len(own) for own, _ in tests]
    highest = 0.0
    for step, (scaled, number, place) in enumerate(order):
        left = sum(tests[other][1] for other in {other for _, other, _ in order[step:]})
        highest = max(highest, scaled * left)
        adjusted[number][place] = min(1.0, highest)
    return adjusted


def seen(found: Estimate, level: float) -> tuple[float, float, float]:
    """The smallest effect claimed four times in five, and its range by how seeds may differ."""
    seeds, per_lang = found.seeds, found.per_stratum
    if seeds == 1:
        reach = found.error * float(errors(level, 0.0, 1, found.items - 1))
        only = _smallest(found.error, np.array([reach]))
        return only, only, only
    both, items = found.of_both, max(found.of_both, found.of_items)
    known = max(both, found.of_seeds)

    def smallest(of_seeds: float) -> float:
        drawn = of_seeds * stats.chi2.ppf((np.arange(512) + 0.5) / 512, seeds - 1) / (seeds - 1)
        total = np.maximum(drawn + items - both, items / 2)
        share = np.minimum(1, drawn / np.maximum(total, 1e-24))
        reach = total**0.5 * errors(level, share, seeds, per_lang - 1)
        return min(1.0, _smallest((of_seeds + items - both) ** 0.5, reach))

    ends = [
        smallest(max(both, known * (seeds - 1) / stats.chi2.isf(tail, seeds - 1)))
        for tail in (0.1, 0.9)
    ]
    effect = smallest(known)
    return effect, min(effect, *ends), max(effect, *ends)


def _smallest(error: float, reach: Numbers) -> float:
    if not error:
        return 0.0

    def power(effect: float) -> float:
        above, below = (effect - reach) / error, (-reach - effect) / error
        return float((special.ndtr(above) + special.ndtr(below)).mean())

    top = float(reach.max()) + 10 * error
    return float(optimize.brentq(lambda effect: power(effect) - 0.8, 0.0, top))


def wilson(value: float, count: float, reach: float) -> tuple[float, float]:
    """Ends of a share's interval: where its distance is `reach` standard errors.

    >>> [round(end, 3) for end in wilson(1.0, 3, 1.96)]
    [0.438, 1.0]
    """
    a, b = 1 + reach**2 / count, -(2 * value + reach**2 / count)
    root = max(0.0, b**2 - 4 * a * value**2) ** 0.5
    return max(0.0, (-b - root) / (2 * a)), min(1.0, (-b + root) / (2 * a))


def score(right: Numbers, langs: npt.NDArray[Any], items: npt.NDArray[Any]) -> tuple[float, ...]:
    """The accuracy, and Wilson's ends for as many rows as have the same standard error."""
    found = estimate(right, langs, items)
    value = found.delta
    reach = float(errors(LEVEL, found.share, found.seeds, found.freedom))
    count = value * (1 - value) / found.error**2 + 1 if found.error else found.items
    return value, *wilson(value, count, reach)


def held_to(found: Estimate, margin: float, freedom: int) -> tuple[float, float, float, float]:
    """The 90 % interval and the one-sided p of lying the margin or more below, and above."""
    total = max(found.error**2 + found.items**-2, margin * (1 - margin) / found.items)
    share = found.share * found.error**2 / total
    reach = total**0.5 * float(errors(2 * LEVEL, share, found.seeds, freedom))

    def one_sided(distance: float) -> float:
        half = two_sided(abs(distance) / total**0.5, share, found.seeds, freedom) / 2
        return half if distance > 0 else 1 - half

    low, high = max(-1.0, found.delta - reach), min(1.0, found.delta + reach)
    return low, high, one_sided(found.delta + margin), one_sided(margin - found.delta)


def chance_spread(right: Numbers, items: npt.NDArray[Any]) -> float:
    """The seeds' standard deviation where they differ by who gets which item right alone."""
    code = np.unique(items, return_inverse=True)[1]
    sums = np.array([np.bincount(code, row) for row in right.astype(np.float64)])
    return float(sums.var(axis=0, ddof=1).sum() ** 0.5 / right.shape[1])


class Fit(NamedTuple):
    """A regression's coefficient, standard error, degrees of freedom and p."""

    coefficient: float
    error: float
    freedom: float
    p: float


def least_squares(y: Numbers, x: Numbers, dummies: Sequence[Numbers] = ()) -> Fit:
    """Ordinary least squares of scores on 0 and 1 and some levels."""
    design = np.column_stack([x, np.ones_like(x), *dummies])
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    freedom = len(y) - int(np.linalg.matrix_rank(design))
    if freedom < 1:
        return Fit(float(beta[0]), 0.0, 0, 1.0)
    left = ((y - design @ beta) ** 2).sum() / freedom
    error = float((left * np.linalg.pinv(design.T @ design)[0, 0]) ** 0.5)
    return _fit(float(beta[0]), error, freedom)


def _fit(coefficient: float, error: float, freedom: float) -> Fit:
    if error < 1e-12:
        return Fit(coefficient, 0.0, freedom, 0.0 if abs(coefficient) > 1e-12 else 1.0)
    p = float(2 * stats.t.sf(abs(coefficient) / error, freedom))
    return Fit(coefficient, error, freedom, p)


def restricted_likelihood(
    y: Numbers, x: Numbers, levels: Sequence[Numbers]
) -> tuple[float, float, list[int]]:
    """Coefficient, its standard error and the effects above zero of a mixed model, by REML.

    Variances are parameters of a positive size relative to the residual's, found by Powell and
    then by L-BFGS-B from its end; those at zero are the effects that a table leaves out.
    """
    unit = y.std()
    y, design = y / unit, np.column_stack([x, np.ones_like(x)])
    blocks = [own @ own.T for own in levels]

    def solved(shares: Numbers) -> tuple[Numbers, Numbers, float, float]:
        v = np.eye(len(y)) + sum(share * block for share, block in zip(shares, blocks, strict=True))
        inverse = np.linalg.inv(v)
        inner = design.T @ inverse @ design
        beta = np.linalg.solve(inner, design.T @ inverse @ y)
        left = y - design @ beta
        scale = float(left @ inverse @ left) / (len(y) - 2)
        minus = np.linalg.slogdet(v)[1] + np.linalg.slogdet(inner)[1] + (len(y) - 2) * np.log(scale)
        return beta, inner, scale, float(minus)

    shares = np.zeros(len(blocks))
    if blocks:
        bounds = [(0.0, 1e4)] * len(blocks)
        ends = [
            optimize.minimize(
                lambda s: solved(s)[3], np.full(len(blocks), start), bounds=bounds,
                method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-8},
            )
            for start in (0.05, 0.5, 3.0)
        ]  # fmt: skip
        best = optimize.minimize(
            lambda s: solved(np.abs(s))[3], min(ends, key=lambda end: end.fun).x,
            method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-11, "maxiter": 4000},
        )  # fmt: skip
        shares = np.abs(best.x)
    beta, inner, scale, _ = solved(np.where(shares > 1e-4, shares, 0.0))
    error = (scale * np.linalg.inv(inner)[0, 0]) ** 0.5
    return float(beta[0] * unit), float(error * unit), np.flatnonzero(shares > 1e-4).tolist()


def levels_of(columns: Mapping[str, Sequence[str]]) -> dict[str, Numbers]:
    """0 and 1 for each level; columns that tell nothing, or the same as another, left out."""
    kept: dict[str, Numbers] = {}
    seen_before = set()
    for name, values in columns.items():
        code = np.unique(values, return_inverse=True)[1]
        first = np.unique(code, return_index=True)[1]
        alike = tuple(np.argsort(np.argsort(first))[code])  # numbered as they come
        many = int(code.max()) + 1
        if 1 < many < len(code) and alike not in seen_before:
            seen_before.add(alike)
            kept[name] = np.eye(many)[code]
    return kept


def slope(pairs: Mapping[str, Sequence[tuple[str, float, float]]]) -> tuple[float, ...]:
    """Ten times the mean slope over chrF, its interval and p by the jackknife over translators."""

    def mean(without: str | None) -> float:
        slopes = []
        for points in pairs.values():
            own = [(x, y) for name, x, y in points if name != without]
            if len({x for x, _ in own}) > 1:
                slopes.append(stats.linregress(*zip(*own, strict=True)).slope)
        return 10 * float(np.mean(slopes)) if slopes else 0.0

    names = sorted({name for points in pairs.values() for name, *_ in points})
    all_in, many = mean(None), len(names)
    left_out = np.array([mean(name) for name in names])
    error = float(((many - 1) * left_out.var()) ** 0.5)
    if error < 1e-12:
        return all_in, all_in, all_in, LEAST_P if all_in else 1.0
    reach = error * stats.t.isf(0.025, many - 2)
    p = max(LEAST_P, 2 * stats.t.sf(abs(all_in) / error, many - 2))
    return all_in, all_in - reach, all_in + reach, float(p)


@dataclass(frozen=True)
class Study:
    """A study's answers as right or wrong, by condition.

    Attributes:
        table: The axes, `run`, `seed`, `lang`, `id`, `group_id`, `label`, `prediction`,
            `probability`, `right`.
    """

    table: pl.DataFrame

    @classmethod
    def of(cls, places: Sequence[Mapping[str, Any]], predictions: pl.DataFrame) -> "Study":
        """The predictions that count for each place of the grid."""
        parts = []
        for place in places:
            rows = predictions.filter(pl.col("run") == place["run"])
            translated = place["arm"] == "translate-test"
            rows = rows.filter(text_by=place["translator"] if translated else "own")
            if translated:
                rows = rows.with_columns(lang=pl.coalesce("source_lang", "lang"))
            rows = rows.filter(pl.col("lang").is_in(list(place["langs"])))
            parts.append(
                rows.select(
                    *(
                        pl.lit(place[axis], pl.Int64 if axis == "rows" else pl.String).alias(axis)
                        for axis in AXES
                    ),
                    pl.lit(place["run"]).alias("run"),
                    pl.lit(place["seed"], pl.Int64).alias("seed"),
                    "lang", "id", "group_id", "label", "prediction",
                    pl.col("probability") if "probability" in rows.columns
                    else pl.lit(None, pl.Float64).alias("probability"),
                    right=(pl.col("label") == pl.col("prediction")).cast(pl.Float64),
                )
            )  # fmt: skip
        return cls(pl.concat(parts))

    def condition(self, condition: Mapping[str, Any]) -> pl.DataFrame:
        """Its rows; of all sources where it names none."""
        wanted = [axis for axis in AXES if axis != "source" or condition["source"] is not None]
        return self.table.filter(
            pl.col(axis).eq_missing(pl.lit(condition[axis])) for axis in wanted
        )

    def pair(self, arm: Mapping[str, Any], base: Mapping[str, Any]) -> Pair:
        """Two conditions on the sources, seeds, languages and rows of both."""
        sides = [self.condition(arm), self.condition(base)]
        sources = sorted({name for side in sides for name in side["source"].unique()} - {"own"})
        key = ["source", "seed", "lang", "id"]
        spread = [
            pl.concat(
                [side.filter(pl.col("source") != "own")]
                + [side.filter(source="own").with_columns(source=pl.lit(name)) for name in sources]
            )
            if sources
            else side
            for side in sides
        ]
        both = spread[0].join(spread[1].select(*key, base="right"), on=key)
        many = both["seed"].n_unique()
        both = both.filter(pl.len().over("source", "lang", "id") == many)
        both = both.sort("source", "lang", "id", "seed")
        difference = (both["right"] - both["base"]).to_numpy().reshape(-1, many).T
        rows = both[::many]
        several = rows["source"].n_unique() > 1
        strata = rows.select(
            pl.format("{}>{}", "source", "lang") if several else pl.col("lang")
        ).to_series()
        return Pair(
            difference, strata.to_numpy(), rows["lang"].to_numpy(), rows["group_id"].to_numpy()
        )

    def metrics(self, labels: Sequence[str], ordinal: bool) -> pl.DataFrame:
        """Every metric of every run in every language, with the axes."""
        rows = []
        key = [*AXES, "seed", "lang"]
        for values, part in self.table.group_by([*key, "run"], maintain_order=True):
            about = dict(zip([*key, "run"], values, strict=True))
            rows += [
                {**about, "metric": name, "value": value}
                for name, value in _metrics(part, labels, ordinal)
            ]
        kinds = {"rows": pl.Int64(), "seed": pl.Int64(), "value": pl.Float64()}
        return pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None)


def _metrics(
    part: pl.DataFrame, labels: Sequence[str], ordinal: bool
) -> Iterator[tuple[str, float]]:
    number = {label: place for place, label in enumerate(labels)}
    true, told = (np.array([number[x] for x in part[name]]) for name in ("label", "prediction"))
    many = np.zeros((len(labels), len(labels)))
    np.add.at(many, (true, told), 1)
    yield "f1_micro", float((true == told).mean())
    either = many.sum(axis=0) + many.sum(axis=1)
    if (many.sum(axis=1) > 0).sum() > 1:
        yield "f1_macro", float((2 * np.diag(many)[either > 0] / either[either > 0]).mean())
    if ordinal:
        values = np.array([float(label) for label in labels])
        yield "mae", float(np.abs(values[true] - values[told]).mean())
        if len(set(true.tolist())) > 1:
            ranks = np.arange(len(labels))
            apart = (ranks[:, None] - ranks) ** 2
            by_chance = np.outer(many.sum(axis=1), many.sum(axis=0)) / many.sum()
            yield "qwk", float(1 - (apart * many).sum() / (apart * by_chance).sum())
    if part["probability"].null_count() == 0:
        sure = part["probability"].to_numpy()
        bins = np.ceil(np.maximum(sure, 1e-12) * 15).astype(int)
        gaps = np.bincount(bins, sure - (true == told))
        yield "calibration_error", float(np.abs(gaps).sum() / len(sure))


def over_sources(results: pl.DataFrame) -> pl.DataFrame:
    """Means over sources by condition, seed and language, then over seeds; `lang` null for all."""
    pooled = [axis for axis in AXES if axis != "source"]

    def mean(table: pl.DataFrame, by: list[str], over: str, alike: list[str]) -> pl.DataFrame:
        found = table.group_by(by).agg(pl.col("value").mean(), parts=pl.col(over).n_unique())
        return found.filter(pl.col("parts") == pl.col("parts").max().over(alike))

    each = mean(results, [*pooled, "seed", "lang", "metric"], "source", [*pooled, "lang", "metric"])
    every = mean(each, [*pooled, "seed", "metric"], "lang", [*pooled, "metric"])
    every = every.with_columns(lang=pl.lit(None, pl.String), langs=pl.col("parts"))
    each = each.with_columns(langs=pl.lit(1, pl.UInt32))
    columns = [*pooled, "lang", "metric", "langs"]
    return (
        pl.concat([each.select(*columns, "value"), every.select(*columns, "value")])
        .group_by(columns)
        .agg(mean=pl.col("value").mean(), spread=pl.col("value").std(), seeds=pl.len())
    )
