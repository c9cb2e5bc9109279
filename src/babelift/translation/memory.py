"""The memory of finished translations: one SQLite file that survives a kill at any moment.

Law: what comes out of it is what was put in. Every entry has a checksum; one that does not agree
with it counts as not there, so that its text is translated again.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import RLock
from typing import Any, Final, NamedTuple, Self

from babelift.errors import MemoryStoreError
from babelift.store import cache_dir, not_a_file
from babelift.translation.protocol import Translation

APPLICATION_ID: Final = 0x42424C46
"""Marks a SQLite file as a memory ("BBLF")."""

VERSION: Final = 2
"""Form of the tables. Form 1, which had neither checksums nor pairs, is brought to this one; a
file of a later form is refused and left as it is."""

_LOOKUP: Final = 500
"""Keys in one query; older SQLite builds allow 999 parameters."""

_STEP: Final = 10_000
"""Entries removed in one transaction, so that a job that wants to write waits for moments only."""

# Numbers are never used again (AUTOINCREMENT), so that a job tells its own entries from those of
# before even where the memory is cleared meanwhile.
_TABLES: Final = {
    "lanes": """CREATE TABLE lanes (
    number INTEGER PRIMARY KEY,
    source_lang TEXT NOT NULL,
    target_lang TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    UNIQUE (source_lang, target_lang, fingerprint)
)""",
    "entries": """CREATE TABLE entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    text BLOB NOT NULL,
    truncated INTEGER NOT NULL,
    lane INTEGER,
    checksum BLOB NOT NULL
)""",
}


class Stored(NamedTuple):
    """A translation out of the memory.

    Attributes:
        text: The translation.
        truncated: As in `Translation`.
        number: Grows with every translation that is stored, see `Memory.newest`.
    """

    text: str
    truncated: bool
    number: int


class LaneKey(NamedTuple):
    """What the translations of one translator for one pair have in common.

    Attributes:
        source_lang: Tag of the sources.
        target_lang: Tag of the translations.
        fingerprint: The translator's.
    """

    source_lang: str
    target_lang: str
    fingerprint: str


@dataclass(slots=True)
class Holdings:
    """What the memory holds of one translator and pair.

    Attributes:
        lane: The translator and the pair; None for entries of a file of form 1, which did not say.
        entries: Translations.
        size: Bytes of their texts.
        damaged: Those of them that do not agree with their checksum.
    """

    lane: LaneKey | None
    entries: int = 0
    size: int = 0
    damaged: int = 0


class Memory:
    """Finished translations on disk, keyed by all that decides them.

    Several processes may use the same file at the same time. Use as a context manager, or `close`.

    Args:
        path: The file, made if missing; `memory.sqlite` in the cache folder if absent.
        timeout: Seconds to wait for another process that is writing.
        fresh: Pass over what was stored before now, and put new translations in its place.

    Attributes:
        damaged: Entries met so far that did not agree with their checksum.

    Raises:
        MemoryStoreError: The file cannot be used; says why and what to do.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Memory(Path(folder.name) / "memory.sqlite") as memory:
    ...     memory.put_many({"Good.": Translation("Gut.")}, "en", "de", "dictionary 1")
    ...     memory.get_many(["Good.", "Bad."], "en", "de", "dictionary 1")
    {'Good.': Stored(text='Gut.', truncated=False, number=1)}
    >>> folder.cleanup()
    """

    def __init__(
        self, path: Path | None = None, *, timeout: float = 30.0, fresh: bool = False
    ) -> None:
        self.path = Path(path) if path is not None else memory_path()
        self.damaged = 0
        self._lock = RLock()
        _check_file(self.path)
        with _explained(self.path):
            self._db = sqlite3.connect(
                self.path, timeout=timeout, isolation_level=None, check_same_thread=False
            )
            try:
                self._open(timeout)
                self._verb = "REPLACE" if fresh else "IGNORE"
                self._before = self.newest() if fresh else 0
            except BaseException:
                self._db.close()
                raise

    def _open(self, timeout: float) -> None:
        # Damaged text must come out as some text, for the checksum to find.
        self._db.text_factory = lambda data: data.decode("utf-8", "replace")
        self._db.create_function("checksum_of", 3, _checksum, deterministic=True)
        self._db.execute("PRAGMA cell_size_check = ON")
        self._db.execute("PRAGMA trusted_schema = OFF")
        # One snapshot, so that another process that makes the file is not seen half-way.
        self._db.execute("BEGIN")
        try:
            self._form()
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        _use_wal(self._db, timeout)
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            form = self._form()
            if form < VERSION:
                self._make(form)

    def _form(self) -> int:
        """The form of the file's tables, 0 where it is new and empty.

        Raises:
            MemoryStoreError: It is somebody else's, of a later form, or its tables are not ours.
        """
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
        # What SQLite adds for itself begins with its name.
        tables = dict(
            self._db.execute(
                "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            ).fetchall()
        )
        if not tables and not application and not version:
            return 0
        if application != APPLICATION_ID:
            raise MemoryStoreError(
                f"translation memory '{self.path}' is a database of another program.",
                "Point BABELIFT_CACHE at another folder, or move that file away.",
            )
        if not 1 <= version <= VERSION:
            raise MemoryStoreError(
                f"translation memory '{self.path}' has form {version}; this Babelift reads form "
                f"{VERSION} and before.",
                "Move the file away to begin a new memory, or use the Babelift that wrote it.",
            )
        if tables.keys() != {"translations"} if version == 1 else tables != _TABLES:
            raise _damaged(self.path)
        return version

    def _make(self, form: int) -> None:
        """Make the tables, and take over the entries of a file of form 1.

        No checksum tells what those were when they were stored: they are taken as they are, after
        SQLite's own check.
        """
        for statement in _TABLES.values():
            self._db.execute(statement)
        if form == 1:
            if self._db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                raise _damaged(self.path)
            self._db.execute(
                "INSERT INTO entries SELECT number, key, CAST(text AS BLOB), truncated, NULL,"
                " checksum_of(key, CAST(text AS BLOB), truncated) FROM translations"
                " WHERE typeof(key) = 'blob' AND typeof(truncated) = 'integer' ORDER BY number"
            )
            self._db.execute("DROP TABLE translations")
        self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def get_many(
        self, segments: Sequence[str], source_lang: str, target_lang: str, fingerprint: str
    ) -> dict[str, Stored]:
        """The stored translations of those segments that have one.

        Args:
            segments: Segments as sent to the translator.
            source_lang: Their language's tag.
            target_lang: The target's tag.
            fingerprint: The translator's.

        Raises:
            MemoryStoreError: The file cannot be read.
        """
        keys = _keys(segments, source_lang, target_lang, fingerprint)
        names = dict(zip(keys, segments, strict=True))
        unique = list(names)
        stored: dict[str, Stored] = {}
        damaged: list[int] = []
        with self._lock, _explained(self.path):
            for start in range(0, len(unique), _LOOKUP):
                part = unique[start : start + _LOOKUP]
                marks = ",".join("?" * len(part))
                query = (
                    "SELECT number, key, text, truncated, checksum FROM entries "
                    f"WHERE key IN ({marks})"
                )
                for number, *entry in self._db.execute(query, part).fetchall():
                    key, _, truncated, _ = entry
                    translation = _text_of(*entry)
                    # A damaged index leads to the entry of another key.
                    if translation is None or key not in names:
                        damaged.append(number)
                    elif number > self._before:
                        stored[names[key]] = Stored(translation, bool(truncated), number)
        if damaged:
            self.damaged += len(damaged)
            # Where the index is damaged too they cannot be removed; they are found again then.
            with suppress(MemoryStoreError):
                self.remove(damaged)
        return stored

    def put_many(
        self,
        translations: Mapping[str, Translation],
        source_lang: str,
        target_lang: str,
        fingerprint: str,
    ) -> None:
        """Store translations: all of them or, on a failure or a kill, none.

        What is stored already stays as it is, unless the memory was opened as `fresh`. Missing
        translations (`text` None) are left out, so that they are asked for again.

        Raises:
            MemoryStoreError: The file cannot be written.
        """
        texts = {
            segment: (t.text.encode("utf-8", "surrogatepass"), int(t.truncated))
            for segment, t in translations.items()
            if t.text is not None
        }
        if not texts:
            return
        lane = LaneKey(source_lang, target_lang, fingerprint)
        keys = _keys(list(texts), *lane)
        with _explained(self.path), self._transaction():
            number = self._number_of(lane)
            values = [
                (key, *entry, number, _checksum(key, *entry))
                for key, entry in zip(keys, texts.values(), strict=True)
            ]
            self._db.executemany(
                f"INSERT OR {self._verb} INTO entries (key, text, truncated, lane, checksum) "
                "VALUES (?, ?, ?, ?, ?)",
                values,
            )

    def _number_of(self, lane: LaneKey) -> int:
        """The number of a translator and pair; new where they have none."""
        self._db.execute(
            "INSERT OR IGNORE INTO lanes (source_lang, target_lang, fingerprint) VALUES (?, ?, ?)",
            lane,
        )
        query = (
            "SELECT number FROM lanes WHERE source_lang = ? AND target_lang = ? AND fingerprint = ?"
        )
        row = self._db.execute(query, lane).fetchone()
        if row is None:
            raise _damaged(self.path)
        return int(row[0])

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove entries by their numbers, so that their texts are translated again.

        Raises:
            MemoryStoreError: The file cannot be written.
        """
        with _explained(self.path), self._transaction():
            self._db.executemany("DELETE FROM entries WHERE number = ?", [(n,) for n in numbers])

    def newest(self) -> int:
        """The number of the newest translation, 0 where there is none."""
        with self._lock, _explained(self.path):
            number = self._db.execute("SELECT max(number) FROM entries").fetchone()[0]
        return int(number or 0)

    def __len__(self) -> int:
        with self._lock, _explained(self.path):
            return int(self._db.execute("SELECT count(*) FROM entries").fetchone()[0])

    def holdings(self) -> list[Holdings]:
        """What is held, by translator and pair; every entry is checked.

        Raises:
            MemoryStoreError: The file cannot be read.
        """
        with self._lock, _explained(self.path):
            lanes = self._lanes()
            held: dict[LaneKey | None, Holdings] = {}
            query = "SELECT lane, key, text, truncated, checksum FROM entries"
            for number, *entry in self._db.execute(query):
                lane = lanes.get(number)
                counts = held.setdefault(lane, Holdings(lane))
                counts.entries += 1
                counts.size += len(entry[1]) if isinstance(entry[1], bytes) else 0
                counts.damaged += _text_of(*entry) is None
        return sorted(held.values(), key=lambda counts: counts.lane or ("", "", ""))

    def entries_of(self, segment: str) -> dict[LaneKey, Stored]:
        """The translations of one segment, by every translator into every language.

        Raises:
            MemoryStoreError: The file cannot be read.
        """
        found = ((lane, self.get_many([segment], *lane).get(segment)) for lane in self.lanes())
        return {lane: stored for lane, stored in found if stored is not None}

    def lanes(self) -> list[LaneKey]:
        """The translators and pairs that something was stored of.

        Raises:
            MemoryStoreError: The file cannot be read.
        """
        with self._lock, _explained(self.path):
            return sorted(self._lanes().values())

    def clear(self, lanes: Iterable[LaneKey | None]) -> int:
        """Remove all entries of some translators and pairs; jobs under way go on.

        Args:
            lanes: As in `holdings`; None for the entries that have none.

        Returns:
            How many were removed.

        Raises:
            MemoryStoreError: The file cannot be written.
        """
        chosen = set(lanes)
        with _explained(self.path):
            known = self._lanes()
            numbers = [number for number, lane in known.items() if lane in chosen]
            which = f"lane IN ({','.join(map(str, numbers))})"
            if None in chosen:
                which += f" OR lane IS NULL OR lane NOT IN ({','.join(map(str, known))})"
            removed = 0
            for start in range(0, self.newest() + 1, _STEP):
                with self._transaction():
                    removed += self._db.execute(
                        f"DELETE FROM entries WHERE number >= ? AND number < ? AND ({which})",
                        (start, start + _STEP),
                    ).rowcount
            # The file keeps its size while another job holds it, and is used up again.
            with self._lock, suppress(sqlite3.OperationalError):
                self._db.execute("VACUUM")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed

    def _lanes(self) -> dict[int, LaneKey]:
        rows = self._db.execute("SELECT number, source_lang, target_lang, fingerprint FROM lanes")
        return {number: LaneKey(*map(str, lane)) for number, *lane in rows.fetchall()}

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def memory_path() -> Path:
    """Where the memory is that commands use."""
    return cache_dir() / "memory.sqlite"


def _keys(segments: Sequence[str], *context: str) -> list[bytes]:
    """16-byte keys; every part has its length before it, so that none runs into the next."""
    prefix = blake2b(digest_size=16, person=b"babelift-memory")
    for part in context:
        data = part.encode()
        prefix.update(len(data).to_bytes(8, "little") + data)
    keys = []
    for segment in segments:
        key = prefix.copy()
        key.update(segment.encode("utf-8", "surrogatepass"))
        keys.append(key.digest())
    return keys


def _checksum(key: bytes, text: bytes, truncated: int) -> bytes:
    return blake2b(b"%b%d%b" % (key, truncated, text), digest_size=8).digest()


def _text_of(key: Any, text: Any, truncated: Any, checksum: Any) -> str | None:
    """The text of an entry that is as it was stored; what is damaged may be of any type."""
    whole = isinstance(key, bytes) and isinstance(text, bytes) and isinstance(truncated, int)
    if not whole or checksum != _checksum(key, text, truncated):
        return None
    try:
        return str(text, "utf-8", "surrogatepass")
    except UnicodeDecodeError:  # damaged before it had a checksum
        return None


def _use_wal(db: sqlite3.Connection, timeout: float) -> None:
    """Switch to write-ahead logging; SQLite does not wait by itself when two switch at once."""
    end = time.monotonic() + timeout
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(0.01)


_MAKE_ROOM: Final = (
    "Make room, or point BABELIFT_CACHE at another disk, and run the same command again; what was "
    "finished is kept."
)
_FAULTS: Final = {
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", _MAKE_ROOM),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written; the disk may be full or failing",
        _MAKE_ROOM,
    ),
    sqlite3.SQLITE_BUSY: (
        "is held by another process",
        "Wait for the other Babelift to finish, or give this one its own BABELIFT_CACHE.",
    ),
    sqlite3.SQLITE_READONLY: (
        "cannot be written: no permission",
        "Give yourself write permission, or point BABELIFT_CACHE at a folder of your own.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Check that its folder exists and can be written, or point BABELIFT_CACHE elsewhere.",
    ),
}
_DAMAGED: Final = (
    "is damaged",
    "Move the file away; a new memory is begun and the old one's texts are translated anew.",
)
_FAULTS[sqlite3.SQLITE_CORRUPT] = _DAMAGED
_FAULTS[sqlite3.SQLITE_NOTADB] = ("is not a database; it may be damaged", _DAMAGED[1])
_FAULTS[sqlite3.SQLITE_LOCKED] = _FAULTS[sqlite3.SQLITE_BUSY]
_FAULTS[sqlite3.SQLITE_PERM] = _FAULTS[sqlite3.SQLITE_READONLY]


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's faults into errors that say what to do."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite's own message quotes what is damaged
        raise _damaged(path) from error
    except sqlite3.Error as error:
        primary = getattr(error, "sqlite_errorcode", -1) & 0xFF
        reason, hint = _FAULTS.get(
            primary,
            (f"failed: {error}", "Check the disk and the file, then run the same command again."),
        )
        raise MemoryStoreError(f"translation memory '{path}' {reason}.", hint) from error


def _damaged(path: Path) -> MemoryStoreError:
    what, hint = _DAMAGED
    return MemoryStoreError(f"translation memory '{path}' {what}.", hint)


def _check_file(path: Path) -> None:
    """Refuse what is no file: SQLite would not say why, and would wait for a pipe for ever.

    Raises:
        MemoryStoreError: It is a folder, a pipe, a device.
    """
    if path.exists() and (what := not_a_file(path)):
        raise MemoryStoreError(
            f"translation memory '{path}' cannot be opened: it is {what}.",
            "Move it away, or point BABELIFT_CACHE at another folder.",
        )
