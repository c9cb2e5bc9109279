"""The memory of finished translations: one SQLite file that survives a kill at any moment."""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import RLock
from typing import Final, NamedTuple, Self

from babelift.errors import MemoryStoreError
from babelift.store import cache_dir
from babelift.translation.protocol import Translation

APPLICATION_ID: Final = 0x42424C46
"""Marks a SQLite file as a memory ("BBLF")."""

VERSION: Final = 1
"""Form of the tables; a file of another form is refused, never changed."""

_LOOKUP: Final = 500
"""Keys in one query; older SQLite builds allow 999 parameters."""

_TABLE: Final = """
CREATE TABLE translations (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL,
    truncated INTEGER NOT NULL
)
"""


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


class Memory:
    """Finished translations on disk, keyed by all that decides them.

    Several processes may use the same file at the same time. Use as a context manager, or `close`.

    Args:
        path: The file, made if missing; `memory.sqlite` in the cache folder if absent.
        timeout: Seconds to wait for another process that is writing.

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

    def __init__(self, path: Path | None = None, *, timeout: float = 30.0) -> None:
        self.path = Path(path) if path is not None else cache_dir() / "memory.sqlite"
        self._lock = RLock()
        with _explained(self.path):
            self._db = sqlite3.connect(
                self.path, timeout=timeout, isolation_level=None, check_same_thread=False
            )
            try:
                self._open(timeout)
            except BaseException:
                self._db.close()
                raise

    def _open(self, timeout: float) -> None:
        # One snapshot, so that another process that makes the file is not seen half-way.
        self._db.execute("BEGIN")
        try:
            self._check_kind()
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        _use_wal(self._db, timeout)
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            if self._check_kind():
                self._db.execute(_TABLE)
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _check_kind(self) -> bool:
        """Whether the file is new and empty; raises where it is somebody else's."""
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if not tables and not application and not version:
            return True
        if application != APPLICATION_ID:
            raise MemoryStoreError(
                f"translation memory '{self.path}' is a database of another program.",
                "Point BABELIFT_CACHE at another folder, or move that file away.",
            )
        if version != VERSION:
            raise MemoryStoreError(
                f"translation memory '{self.path}' has form {version}; this Babelift reads form "
                f"{VERSION}.",
                "Move the file away to begin a new memory, or use the Babelift that wrote it.",
            )
        return False

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
        with self._lock, _explained(self.path):
            for start in range(0, len(unique), _LOOKUP):
                part = unique[start : start + _LOOKUP]
                marks = ",".join("?" * len(part))
                query = (
                    f"SELECT key, text, truncated, number FROM translations WHERE key IN ({marks})"
                )
                for key, text, truncated, number in self._db.execute(query, part).fetchall():
                    stored[names[key]] = Stored(text, bool(truncated), number)
        return stored

    def put_many(
        self,
        translations: Mapping[str, Translation],
        source_lang: str,
        target_lang: str,
        fingerprint: str,
    ) -> None:
        """Store translations: all of them or, on a failure or a kill, none.

        What is stored already stays as it is. Missing translations (`text` None) are left out, so
        that they are asked for again.

        Raises:
            MemoryStoreError: The file cannot be written.
        """
        done = {segment: t for segment, t in translations.items() if t.text is not None}
        if not done:
            return
        keys = _keys(list(done), source_lang, target_lang, fingerprint)
        values = [
            (key, t.text, int(t.truncated)) for key, t in zip(keys, done.values(), strict=True)
        ]
        with _explained(self.path), self._transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO translations (key, text, truncated) VALUES (?, ?, ?)", values
            )

    def newest(self) -> int:
        """The number of the newest translation, 0 where there is none."""
        with self._lock, _explained(self.path):
            number = self._db.execute("SELECT max(number) FROM translations").fetchone()[0]
        return int(number or 0)

    def __len__(self) -> int:
        with self._lock, _explained(self.path):
            return int(self._db.execute("SELECT count(*) FROM translations").fetchone()[0])

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


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


_FAULTS: Final = {
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk is full",
        "Make room, or point BABELIFT_CACHE at another disk, and run the same command again; "
        "what was finished is kept.",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written; the disk may be full or failing",
        "Make room, or point BABELIFT_CACHE at another disk, and run the same command again; "
        "what was finished is kept.",
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
    sqlite3.SQLITE_NOTADB: (
        "is not a database; it may be damaged",
        "Move the file away; a new memory is begun and the old one's texts are translated anew.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "Move the file away; a new memory is begun and the old one's texts are translated anew.",
    ),
}
_FAULTS[sqlite3.SQLITE_LOCKED] = _FAULTS[sqlite3.SQLITE_BUSY]
_FAULTS[sqlite3.SQLITE_PERM] = _FAULTS[sqlite3.SQLITE_READONLY]


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's faults into errors that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        reason, hint = _FAULTS.get(
            primary if primary is not None else -1,
            (f"failed: {error}", "Check the disk and the file, then run the same command again."),
        )
        raise MemoryStoreError(f"translation memory '{path}' {reason}.", hint) from error
