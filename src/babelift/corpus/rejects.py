"""Rows that cannot be used: where they stand, why, and how many are too many."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import polars as pl

from babelift.errors import RejectsError, RunError
from babelift.redaction import shown
from babelift.store import write_text

if TYPE_CHECKING:
    from babelift.progress import Progress

REJECTS: Final[dict[str, pl.DataType]] = {
    "file": pl.String(),
    "row": pl.Int64(),
    "field": pl.String(),
    "reason": pl.String(),
    "value": pl.String(),
    "text": pl.String(),
}
"""Columns of a table of rejects.

`row` is the line in a text file, counted from 1 and with the header, and the data row elsewhere.
`field` is the column's name in the file, null where the whole row is at fault. `reason` is one of
few, so that it can be counted; `value` is what stood in the field.
"""

SHOWN: Final = 500
"""Characters of a value or text that a reject keeps: enough to find it, not the whole novel."""


UNDECODABLE: Final = re.compile("[\ud800-\udfff]")
"""What bytes that are not UTF-8 become in decoded text and in file names: lone surrogates."""


def readable(text: str) -> str:
    """The text with what could not be decoded shown as the replacement character.

    >>> readable(b"caf\\xe9".decode("utf-8", "surrogateescape"))
    'caf\ufffd'
    """
    return UNDECODABLE.sub("\ufffd", text)


class Reject(NamedTuple):
    """One row that was not taken; the columns of `REJECTS`."""

    file: str
    row: int
    field: str | None
    reason: str
    value: str | None = None
    text: str | None = None


def reject_frame(rejects: Iterable[Reject]) -> pl.DataFrame:
    """A table of rejects, with values and texts cut to `SHOWN` characters.

    >>> reject_frame([Reject("a.csv", 7, "label", "missing label")])["reason"].to_list()
    ['missing label']
    """
    rows = [reject._replace(file=readable(reject.file)) for reject in rejects]
    frame = pl.DataFrame(rows, schema=REJECTS, orient="row")
    return shorten(frame)


def shorten(rejects: pl.DataFrame) -> pl.DataFrame:
    """The rejects with values and texts cut to `SHOWN` characters."""
    return rejects.with_columns(pl.col("value", "text").str.slice(0, SHOWN))


def count_reasons(rejects: pl.DataFrame) -> dict[str, int]:
    """How many rows were rejected for each reason, the most frequent first.

    >>> count_reasons(reject_frame([Reject("a.csv", 7, "label", "missing label")] * 2))
    {'missing label': 2}
    """
    counts = rejects.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
    return dict(counts.iter_rows())


def write_rejects(rejects: pl.DataFrame, path: Path) -> None:
    """Write rejects as JSON lines, one object per row, in place of those that stand there.

    Raises:
        RunError: The file cannot be written, or is there and holds no rejects.
    """
    if path.exists() and not _are_rejects(path):
        raise RunError(
            f"'{path}' holds something else than rejected rows; it is not overwritten.",
            "Choose another --out, or move that file away.",
        )
    files = {file: shown(file) for file in rejects["file"].unique()}
    rows = ({**row, "file": files[row["file"]]} for row in rejects.iter_rows(named=True))
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_text("".join(lines), path)


def _are_rejects(path: Path) -> bool:
    """Whether a file looks, by its first line, as if `write_rejects` had written it."""
    try:
        with path.open("rb") as file:
            first = file.readline(1 << 20)
        return not first or list(json.loads(first)) == list(REJECTS)
    except (OSError, ValueError, TypeError, RecursionError):
        return False


class WasRead(Protocol):
    """What was read of some tables: rows that were taken, and those that were not."""

    @property
    def height(self) -> int:
        """Number of rows taken."""

    @property
    def rejects(self) -> pl.DataFrame:
        """The others."""

    @property
    def notes(self) -> Sequence[str]:
        """What was guessed or decided."""


def report_rejects(
    read: WasRead, path: Path | None, max_rejects: float, progress: "Progress"
) -> None:
    """Say what was guessed and rejected, write the rejects down, and stop when they are too many.

    Args:
        read: What was read.
        path: File for the rejects; None to only count them.
        max_rejects: Largest allowed share of rejected rows, 0 to 1.
        progress: Where it is said.

    Raises:
        RunError: As `write_rejects`.
        RejectsError: As `check_budget`.
    """
    for note in read.notes:
        progress.say(note)
    if read.rejects.height:
        if path is not None:
            write_rejects(read.rejects, path)
        see = "" if path is None else f"; see {path}"
        progress.say(f"rejected rows: {read.rejects.height:,}{see}")
    check_budget(read, max_rejects)


def check_budget(read: WasRead, max_rejects: float) -> None:
    """Stop when more rows were rejected than the user allows.

    Args:
        read: What was read.
        max_rejects: Largest allowed share of rejected rows, 0 to 1.

    Raises:
        RejectsError: The share is larger, or no row is left; names the reasons and the first rows.
    """
    rejected, kept = read.rejects.height, read.height
    total = rejected + kept
    if kept and rejected <= max_rejects * total:
        return
    reasons = "; ".join(f"{reason}: {n:,}" for reason, n in count_reasons(read.rejects).items())
    first = "\n".join(f"  {_where(reject)}" for reject in read.rejects.head(5).to_dicts())
    allowed = f"at most {max_rejects:.2%} may be" if kept else "none is left"
    raise RejectsError(
        f"{rejected:,} of {total:,} rows ({_share(rejected, total)}) cannot be used; {allowed}. "
        f"{reasons}. The first:\n{first}",
        "Mend the rows, or allow more with --max-rejects.",
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "all"


def _where(reject: dict[str, str | int | None]) -> str:
    field = f", {reject['field']}" if reject["field"] else ""
    value = f": {str(reject['value'])[:60]!r}" if reject["value"] else ""
    return f"{reject['file']}, row {reject['row']}{field}: {reject['reason']}{value}"
