"""Batches of originals and translations in an exact ratio: a function of (seed, epoch, step)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift.errors import ConfigError, DataError

Indices = NDArray[np.int64]

_PHASES, _ORDER, _TARGETS, _BATCH, _WINDOW = range(5)
"""First words of the seeds of the sampler's independent random streams."""

LARGEST_GROWTH: Final = 2
"""How many times larger than asked a batch may get so that each holds a pair."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one update, as indices into the sampler's rows.

    Attributes:
        originals: `(originals,) int64` row numbers.
        translations: `(translations,) int64` row numbers.
        partners: `(translations,) int64`: for each translation, the position in `originals` of the
            row it was made from.
        recycled: How often this batch takes a row that this epoch has taken before, be it in an
            earlier batch or in this one. A translation has one original, so that a pair that is
            taken again counts once for each of its rows that is.
    """

    originals: Indices
    translations: Indices
    partners: Indices
    recycled: int = 0

    @property
    def rows(self) -> Indices:
        """Originals, then translations: `(rows,) int64`."""
        return np.concatenate([self.originals, self.translations])

    def shard(self, rank: int, world_size: int) -> "Batch":
        """The part of this batch that process `rank` of `world_size` works on, pairs together.

        >>> whole = Batch(np.array([7, 8]), np.array([20, 21]), np.array([1, 0]))
        >>> part = whole.shard(1, 2)
        >>> part.originals.tolist(), part.translations.tolist(), part.partners.tolist()
        ([8], [20], [0])
        """
        first = len(self.originals) * rank // world_size
        last = len(self.originals) * (rank + 1) // world_size
        mine = (self.partners >= first) & (self.partners < last)
        return Batch(
            self.originals[first:last],
            self.translations[mine],
            self.partners[mine] - first,
            self.recycled if rank == 0 else 0,
        )


def parse_ratio(ratio: str) -> tuple[int, int]:
    """Originals and translations of a ratio such as `1:5`.

    Raises:
        ConfigError: Not two whole numbers above zero with a colon between.

    >>> parse_ratio("2:1")
    (2, 1)
    """
    parts = ratio.split(":")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(
            f"ratio '{ratio}' must be two whole numbers with a colon between, such as 1:1 or 1:5."
        )
    return int(parts[0]), int(parts[1])


class PairSampler:
    """Cuts every epoch into batches that hold originals and their translations a:b, exactly.

    Any number of originals and of pairs will do, with any batch size from 2 on.

    Guarantees, for every seed, epoch and step:

    - `batch(epoch, step)` depends on nothing else, so that resumed, sharded and repeated runs
      agree.
    - Every original occurs once in an epoch. Only where their number is no multiple of `a` do a
      few occur twice (counted in `Batch.recycled`).
    - A translation stands in the batch of its original. Those of one original go to different
      targets where it has that many, and move on through its targets from epoch to epoch in a
      fixed random order: with 1:1 and five targets, each is seen once in five epochs.
    - Originals without a translation (`unpaired`) are spread evenly over the batches. Their share
      goes to further targets of others in the batch; only when those are used up does a
      translation occur twice (counted in `Batch.recycled`).
    - Where pairs are few, batches grow, up to twice the size asked for, so that each holds one.
      Where that is not enough they keep their size, and those without a pair hold originals alone.
    - Batches of an epoch differ in size by at most one unit of `a` originals and `b` translations.

    Where there is no translation at all (zero-shot and original arms), batches hold the originals
    part alone: same order, same number of updates as the arm with translations and the same seed,
    so that the two can be compared. (Where some originals have no translation, the arm with
    translations moves those between batches to spread them; the rest keeps its order.)

    Args:
        original_of: `(rows,)` row number of each row's original; its own for an original.
        targets: `(rows,)` code of each row's language; read for translations only.
        ratio: Originals and translations, `(a, b)`.
        batch_size: Rows in a batch. It is given `batch_size * a / (a + b)` originals, rounded down
            to a multiple of `a`, but at least `a`.
        seed: Seed of all orders.
        lengths: `(rows,)` length of each row in any unit. When given, originals of like length are
            batched together inside windows of `window` batches, which keeps padding low. Which
            rows are paired does not change where every original has a translation.
        by_pair: Whether an original is as long as the longest of itself and the translations that
            the epoch takes of it, which pads least, but makes batches depend on the translations.
            Those that stand in for others' missing ones are not foreseen.
        window: Batches in a window.

    Raises:
        ConfigError: `batch_size` is below 2, or a part of the ratio below 1.
        DataError: No originals, or a translation of something that is no original.

    Attributes:
        originals: `(originals,)` row numbers of the originals.
        unpaired: Originals without a translation, where others have one.
        steps_per_epoch: Batches in an epoch.
        batch_originals: Most originals in a batch.
        least_originals: Fewest originals in a batch.
        batch_translations: Most translations in a batch.

    >>> sampler = PairSampler([0, 1, 0, 0, 1, 1], [0, 0, 1, 2, 1, 2], ratio=(1, 1), batch_size=4)
    >>> batch = sampler.batch(epoch=0, step=0)
    >>> sorted(batch.originals.tolist()), len(batch.translations)
    ([0, 1], 2)
    """

    def __init__(
        self,
        original_of: Sequence[int] | Indices,
        targets: Sequence[int] | Indices,
        *,
        ratio: tuple[int, int] = (1, 1),
        batch_size: int = 32,
        seed: int = 0,
        lengths: Sequence[int] | Indices | None = None,
        by_pair: bool = False,
        window: int = 8,
    ) -> None:
        self.ratio, self.seed = ratio, seed
        self._window, self._by_pair = window, by_pair
        self._original_of = np.asarray(original_of, dtype=np.int64)
        self._targets = np.asarray(targets, dtype=np.int64)
        self._lengths = None if lengths is None else np.asarray(lengths, dtype=np.int64)
        if batch_size < 2 or min(ratio) < 1:
            raise ConfigError(
                f"batch_size must be at least 2 and both parts of the ratio at least 1. "
                f"Got {batch_size} and {ratio[0]}:{ratio[1]}."
            )
        self._find_pairs()
        self._measure_epoch(batch_size)
        self._plan: tuple[int, list[Indices], Indices] | None = None

    @classmethod
    def from_rows(
        cls,
        rows: pl.DataFrame,
        *,
        ratio: tuple[int, int] = (1, 1),
        batch_size: int = 32,
        seed: int = 0,
        window: int = 0,
        lengths: Indices | None = None,
    ) -> Self:
        """Build from rows with the columns `id`, `original_id`, `lang` and `text`.

        Args:
            rows: Originals (`id` equals `original_id`) and translations, in any order.
            ratio: As in the class.
            batch_size: As in the class.
            seed: As in the class.
            window: Batches in a window of like lengths; 0 for no such windows.
            lengths: `(rows,)` lengths, by pair; None for those of the originals' texts in bytes, so
                that arms with other translations and other tokenizers agree.

        Raises:
            DataError: As the class, naming the row.
        """
        ids = rows["id"].to_list()
        if len(set(ids)) < len(ids):
            twice = rows["id"].filter(rows["id"].is_duplicated())[0]
            raise DataError(f"row '{twice}' occurs more than once among the training rows.")
        position = {name: number for number, name in enumerate(ids)}
        original_of = [position.get(name, -1) for name in rows["original_id"]]
        if -1 in original_of:
            lost = original_of.index(-1)
            raise DataError(
                f"row '{ids[lost]}' is a translation of '{rows['original_id'][lost]}', which is "
                f"not among the training rows ({original_of.count(-1)} such rows).",
                "Give both, or leave the translation out too.",
            )
        in_bytes = rows["text"].str.len_bytes().to_numpy()
        codes = {lang: code for code, lang in enumerate(sorted(set(rows["lang"])))}
        return cls(
            original_of,
            [codes[lang] for lang in rows["lang"]],
            ratio=ratio,
            batch_size=batch_size,
            seed=seed,
            lengths=in_bytes if window and lengths is None else lengths,
            by_pair=lengths is not None,
            window=window or 1,
        )

    def _find_pairs(self) -> None:
        numbers = np.arange(len(self._original_of))
        if len(numbers) and not 0 <= self._original_of.min() <= self._original_of.max() < len(
            numbers
        ):
            raise DataError("a row is made from a row number that does not exist.")
        is_original = self._original_of == numbers
        if not is_original.any():
            raise DataError("there is no original among the training rows.")
        stray = np.flatnonzero(~is_original[self._original_of])
        if len(stray):
            raise DataError(
                f"row number {stray[0]} is made from row number {self._original_of[stray[0]]}, "
                "which is itself a translation."
            )
        self.originals: Indices = numbers[is_original]
        place = np.full(len(numbers), -1, dtype=np.int64)
        place[self.originals] = np.arange(len(self.originals))
        rows = numbers[~is_original]
        shuffled = self._random(_TARGETS).permutation(rows)
        order = np.argsort(place[self._original_of[shuffled]], kind="stable")
        self._translations: Indices = shuffled[order]
        counts = np.bincount(place[self._original_of[rows]], minlength=len(self.originals))
        self._first: Indices = np.concatenate([[0], np.cumsum(counts)])
        self._paired = counts > 0
        self.unpaired = int(np.sum(~self._paired)) if len(rows) else 0

    def _measure_epoch(self, batch_size: int) -> None:
        a, b = self.ratio
        self._phase: Indices = np.empty(len(self.originals), dtype=np.int64)
        shuffled = self._random(_PHASES).permutation(len(self.originals))
        self._phase[shuffled] = np.arange(len(self.originals)) % a
        units = -(-len(self.originals) // a)
        per_batch = max(batch_size // (a + b), 1)
        steps = -(-units // per_batch)
        if self.unpaired:
            # So many that each has an original with a translation: without one there is no ratio.
            fewer = min(steps, units // -(-units // int(self._paired.sum())))
            if -(-units // fewer) <= LARGEST_GROWTH * per_batch:
                steps = fewer
        self.steps_per_epoch: int = steps
        self.batch_originals: int = a * -(-units // steps)
        self.least_originals: int = a * (units // steps)
        self.batch_translations: int = b * -(-units // steps) if len(self._translations) else 0
        self._units = units

    def _random(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *stream])

    def batch(self, epoch: int, step: int) -> Batch:
        """The batch of one update.

        Args:
            epoch: From 0.
            step: Update within the epoch, from 0 to `steps_per_epoch - 1`.

        Raises:
            IndexError: There is no such step.
        """
        if not 0 <= step < self.steps_per_epoch or epoch < 0:
            raise IndexError(
                f"step {step} of epoch {epoch}: an epoch has {self.steps_per_epoch} steps"
            )
        batch = self._make(epoch, step)
        slices, again = self._epoch(epoch)
        # Only a batch that shares an original with an earlier one can share a row with it.
        mine = np.intersect1d(slices[step], again)
        before = [
            self._make(epoch, earlier).rows
            for earlier in range(step if len(mine) else 0)
            if np.isin(mine, slices[earlier]).any()
        ]
        new = np.setdiff1d(batch.rows, np.concatenate([np.empty(0, dtype=np.int64), *before]))
        return replace(batch, recycled=len(batch.rows) - len(new))

    def _make(self, epoch: int, step: int) -> Batch:
        """A batch whose recycled rows are not counted yet."""
        random = self._random(_BATCH, epoch, step)
        places = random.permutation(self._epoch(epoch)[0][step])
        chosen = self._choose(places, epoch, random)
        return Batch(
            originals=self.originals[places],
            translations=np.array([row for rows in chosen for row in rows], dtype=np.int64),
            partners=np.repeat(np.arange(len(places)), [len(rows) for rows in chosen]),
        )

    def first_order(self) -> Indices:
        """Row numbers of the originals in the order of the first epoch, before it is cut.

        Arms with the same originals, ratio and seed agree on it, whatever their translations.
        """
        return self.originals[self._order(0)]

    def _epoch(self, epoch: int) -> tuple[list[Indices], Indices]:
        """Places (numbers among the originals) per step, and the places that occur twice."""
        if self._plan is None or self._plan[0] != epoch:
            order = self._order(epoch)
            again = np.flatnonzero(np.bincount(order) > 1)
            self._plan = (epoch, self._cut(order, epoch), again)
        return self._plan[1], self._plan[2]

    def _order(self, epoch: int) -> Indices:
        """All places in this epoch's order: each run of `a` has one of every phase."""
        a = self.ratio[0]
        shuffled = self._random(_ORDER, epoch).permutation(len(self.originals))
        order = np.full(self._units * a, -1, dtype=np.int64)
        for phase in range(a):
            members = shuffled[self._phase[shuffled] == phase]
            # The last unit may lack phases; the first of that phase stands in.
            stand_ins = members if len(members) else shuffled
            order[phase::a] = np.concatenate([members, stand_ins])[: self._units]
        return order

    def _ends(self) -> Indices:
        """Originals up to the end of each step."""
        small, larger = divmod(self._units, self.steps_per_epoch)
        steps = np.arange(self.steps_per_epoch)
        return np.cumsum(self.ratio[0] * np.where(steps < larger, small + 1, small))

    def _cut(self, order: Indices, epoch: int) -> list[Indices]:
        ends = self._ends()
        if not self.unpaired:
            parts = [(np.split(order, ends[:-1]))]
        else:
            paired = self._paired[order]
            cut = ends * int(paired.sum()) // len(order)
            parts = [
                np.split(order[paired], cut[:-1]),
                np.split(order[~paired], (ends - cut)[:-1]),
            ]
        turn = np.arange(self.steps_per_epoch)
        if self._lengths is not None:
            lengths = self._lengths_of_places(epoch)
            parts = [self._sort_windows(part, lengths) for part in parts]
            turn = self._shuffle_windows(epoch)
        return [np.concatenate([part[number] for part in parts]) for number in turn]

    def _lengths_of_places(self, epoch: int) -> Indices:
        assert self._lengths is not None
        lengths = self._lengths[self.originals]
        if self._by_pair:
            places = np.arange(len(lengths))
            before, quota = self._quota(places, epoch)
            for place, start, due in zip(
                places.tolist(), before.tolist(), quota.tolist(), strict=True
            ):
                for row in self._queue(place, start)[:due]:
                    lengths[place] = max(lengths[place], self._lengths[row])
        return lengths

    def _sort_windows(self, part: list[Indices], lengths: Indices) -> list[Indices]:
        """The same slices, with places of one phase exchanged so that lengths are alike."""
        result: list[Indices] = []
        for start in range(0, len(part), self._window):
            slices = part[start : start + self._window]
            places = np.concatenate(slices)
            arranged = places.copy()
            for phase in range(self.ratio[0]):
                slots = np.flatnonzero(self._phase[places] == phase)
                arranged[slots] = places[slots[np.argsort(lengths[places[slots]], kind="stable")]]
            result += np.split(arranged, np.cumsum([len(piece) for piece in slices])[:-1])
        return result

    def _shuffle_windows(self, epoch: int) -> Indices:
        """Slice per step: shuffled inside each window, so that lengths come in no order."""
        random = self._random(_WINDOW, epoch)
        steps = np.arange(self.steps_per_epoch)
        windows = np.split(steps, range(self._window, len(steps), self._window))
        return np.concatenate([random.permutation(window) for window in windows])

    def _choose(self, places: Indices, epoch: int, random: np.random.Generator) -> list[list[int]]:
        """Translations per place; none where no place has any."""
        a, b = self.ratio
        before, quota = self._quota(places, epoch)
        queues = [
            self._queue(place, start) for place, start in zip(places, before.tolist(), strict=True)
        ]
        available = np.array([len(queue) for queue in queues])
        taken = np.minimum(quota, available)
        missing = len(places) * b // a - int(taken.sum())
        while missing > 0 and (taken < available).any():
            open_places = random.permutation(np.flatnonzero(taken < available))
            fewest = open_places[np.argsort(taken[open_places], kind="stable")]
            fewest = fewest[taken[fewest] == taken[fewest[0]]][:missing]
            taken[fewest] += 1
            missing -= len(fewest)
        while missing < 0:
            most = random.permutation(len(places))
            taken[most[np.argmax(taken[most])]] -= 1
            missing += 1
        chosen = [queue[:count] for queue, count in zip(queues, taken, strict=True)]
        full = [number for number, queue in enumerate(queues) if queue]
        for turn in range(missing if full else 0):
            queue = queues[full[turn % len(full)]]
            chosen[full[turn % len(full)]].append(queue[(turn // len(full)) % len(queue)])
        return chosen

    def _quota(self, places: Indices, epoch: int) -> tuple[Indices, Indices]:
        """Translations that each place has had before an epoch, and those that are its due in it.

        Original `i` has had `floor((epoch b + phase_i) / a)` translations before this epoch; over
        one of each phase, what an epoch adds sums to exactly `b` (Hermite's identity).
        """
        a, b = self.ratio
        before = (epoch * b + self._phase[places]) // a
        return before, ((epoch + 1) * b + self._phase[places]) // a - before

    def _queue(self, place: int, start: int) -> list[int]:
        """The translations of one original in the order in which this epoch takes them."""
        rows = self._translations[self._first[place] : self._first[place + 1]].tolist()
        if not rows:
            return []
        turn = start % len(rows)
        rotated = rows[turn:] + rows[:turn]
        seen: set[int] = set()
        fresh: list[int] = []
        again: list[int] = []
        for row in rotated:
            target = int(self._targets[row])
            (again if target in seen else fresh).append(row)
            seen.add(target)
        return fresh + again


def shuffled_pairs(rows: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """The same rows, every translation dealt to another original than its own.

    Text and label of a translation stay, so that the classifier learns from the same rows; only
    OTC, which ties a translation to its `original_id`, is misled. In each language translations
    change places among themselves, so that originals have as many as before; one that is alone
    in its language stays.

    Args:
        rows: Originals and translations, in the form of `corpus.rows.SCHEMA`.
        seed: Seed of the dealing.

    >>> rows = pl.DataFrame({"id": ["a", "b", "a@de", "b@de"], "original_id": ["a", "b", "a", "b"],
    ...     "group_id": ["1", "2", "1", "2"], "lang": ["en", "en", "de", "de"]})
    >>> shuffled_pairs(rows, seed=0).select("id", "original_id", "group_id").rows()
    [('a', 'a', '1'), ('b', 'b', '2'), ('a@de', 'b', '2'), ('b@de', 'a', '1')]
    """
    random = np.random.default_rng([seed, 70])
    giver = np.arange(rows.height)
    translated = (rows["id"] != rows["original_id"]).to_numpy()
    for lang in rows["lang"].unique().sort():
        chosen = np.flatnonzero(translated & (rows["lang"] == lang).to_numpy())
        # Along one random circle, so that nobody keeps their own (Sattolo 1986).
        circle = random.permutation(chosen)
        giver[circle] = np.roll(circle, 1)
    return rows.with_columns(rows["original_id"][giver], rows["group_id"][giver])
