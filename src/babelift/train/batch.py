"""One batch of originals and translations, and its parts for several processes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babelift.errors import ConfigError

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one update, as indices into the sampler's rows.

    Attributes:
        originals: `(originals,) int64` row numbers.
        translations: `(translations,) int64` row numbers.
        partners: `(translations,) int64`: for each translation, the position in `originals` of the
            row it was made from.
        recycled: Rows in this batch that stand in for missing ones: originals seen before in this
            epoch, and translations that occur twice in this batch.
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
