"""A study's tables and translations on disk, shared between studies.

Law: a file's name is a hash of everything that changes what is in it. Whoever finds the file takes
it as it is; whoever does not makes it, holding its lock, so that two studies at once make it once.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import polars as pl
from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from babelift.config import QualityAction
from babelift.corpus.rows import conform, round_trips
from babelift.errors import BabeliftError, TranslationError
from babelift.progress import Progress
from babelift.store import read_table, write_record, write_rows
from babelift.study.condition import REFERENCE
from babelift.study.rows import Split, Tables, reference_rows
from babelift.study.spec import StudySpec
from babelift.training.data import digest
from babelift.translation.checks import REVISION
from babelift.translation.protected import NOTHING, Protected

if TYPE_CHECKING:
    from babelift.translation.driver import OpenTranslators
    from babelift.translation.report import TranslationReport

Record = TypeVar("Record", bound=BaseModel)


def key_of(**ingredients: Any) -> str:
    """The name of what is made of these plain values, and of nothing else."""
    text = json.dumps(ingredients, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file or folder of the store; another study that wants to make it waits.

    A process that dies lets go of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield


@dataclass(frozen=True)
class StudyTranslator:
    """A translator as a study knows it.

    Attributes:
        name: Its name in the report.
        spec: The string that loads it.
        fingerprint: What identifies its output.
        license: Of its weights or data.
        pairs: Language pairs it translates; None for any.
    """

    name: str
    spec: str
    fingerprint: str
    license: str | None
    pairs: frozenset[tuple[str, str]] | None


def find_translators(
    spec: StudySpec, data: Path, *, run_code: bool = True
) -> dict[str, StudyTranslator]:
    """Load every translator once, to see that it is there and what identifies its output.

    Args:
        spec: The study.
        data: What `{data}` stands for.
        run_code: Whether packages and programs of others may be loaded or started, and services
            asked. What is not counts as able to translate every pair, and as having translated
            nothing.

    Raises:
        BabeliftError: A translator is not known, or cannot be loaded.
    """
    from babelift.translation.registry import (
        asks_a_service,
        load_translator,
        loads_code_of_the_user,
        runs_code_of_the_user,
    )

    translators = {}
    for name, text in spec.translators.items():
        full = text.replace("{data}", str(data))
        if not run_code and loads_code_of_the_user(full):
            translators[name] = StudyTranslator(name, full, f"{full}, not loaded", None, None)
            continue
        with closing(load_translator(full)) as opened:
            asked = run_code or not runs_code_of_the_user(full)
            fingerprint = opened.fingerprint if asked else f"{full}, not started"
            possible = opened.pairs() if run_code or not asks_a_service(full) else None
            translators[name] = StudyTranslator(name, full, fingerprint, opened.license, possible)
    return translators


class TranslationRecord(BaseModel):
    """What is known of a table of translations; written after it.

    Attributes:
        kept: Rows of the table.
        report: What the translator and the quality checks did, as `TranslationReport` gives it;
            empty for the data set's own translations.
    """

    model_config = ConfigDict(frozen=True)

    version: int = 1
    kept: int
    report: dict[str, Any] = {}


@dataclass(frozen=True)
class TranslatedTable:
    """Translations of one table into one language, which may not be made yet.

    Attributes:
        translator: Name of the translator, or `reference`.
        split: Whether they are of training or test rows.
        source: Language of the originals.
        target: Language they are in.
        originals: The table of the originals.
        path: Where the translations are, once they are made.
        back: Whether the originals are translations too, from `target`.
    """

    translator: str
    split: Split
    source: str
    target: str
    originals: Path
    path: Path
    back: bool = False

    @property
    def record(self) -> TranslationRecord | None:
        """What is known of it; None while it is not made."""
        if not self.path.is_file():
            return None
        return read_cached(self.path.with_suffix(".json"), TranslationRecord)

    @property
    def counts(self) -> dict[str, Any]:
        """Rows of the pair by what became of them, as in `PairCounts`; empty where not known."""
        report = self.record.report if self.record else {}
        counts: dict[str, Any] = report.get("pairs", {}).get(f"{self.source}>{self.target}", {})
        return counts


def read_cached(path: Path, kind: type[Record]) -> Record | None:
    """A record of the store; None where it is missing or damaged, and so is to be made again."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


class Cache:
    """The tables and translations of one study.

    Args:
        folder: Where they are kept.
        tables: The rows.
        translators: The translators, by name.
        quality: What becomes of training rows with a faulty translation.
        protected: What must stay as it is in translations.
    """

    def __init__(
        self,
        folder: Path,
        tables: Tables,
        translators: Mapping[str, StudyTranslator],
        quality: QualityAction,
        protected: Protected = NOTHING,
    ) -> None:
        self._folder, self._tables, self._translators = folder, tables, translators
        self._quality, self._protected = quality, protected
        self._known: dict[tuple[Split, str, int | None], Path] = {}

    def originals(self, split: Split, lang: str, rows: int | None = None) -> Path:
        """The table of one language, or so many of its training rows."""
        if (split, lang, rows) not in self._known:
            table = self._tables.subset(lang, rows) if split == "train" else self._tables.test[lang]
            self._known[split, lang, rows] = self.put(table)
        return self._known[split, lang, rows]

    def put(self, rows: pl.DataFrame) -> Path:
        """Write a table unless it is there, and say where."""
        path = self._folder / f"{digest(rows)[:24]}.parquet"
        if not path.is_file():
            with locked(path):
                write_rows(conform(rows), path)
        return path

    def translated(
        self, name: str, split: Split, source: str, target: str, rows: int | None = None
    ) -> TranslatedTable:
        """Translations of `originals(split, source, rows)`, to be made by `make`.

        The data set's own are there at once.

        Raises:
            DataError: The data set has no translations of its own, or with other labels.
        """
        originals = self.originals(split, source, rows)
        if name == REFERENCE:
            counterparts = self._tables.train if split == "train" else self._tables.test
            own = reference_rows(read_table(originals), counterparts[target])
            table = TranslatedTable(name, split, source, target, originals, self.put(own))
            _write_record(TranslationRecord(kept=own.height), table)
            return table
        path = self._path(name, split, source, target, originals)
        return TranslatedTable(name, split, source, target, originals, path)

    def back(self, there: TranslatedTable) -> TranslatedTable:
        """Translations of training rows, translated back, to be made by `make` after these."""
        name, source, target = there.translator, there.target, there.source
        path = self._path(name, "train", source, target, there.path)
        return TranslatedTable(name, "train", source, target, there.path, path, back=True)

    def _path(self, name: str, split: Split, source: str, target: str, originals: Path) -> Path:
        key = key_of(
            fingerprint=self._translators[name].fingerprint, source=source, target=target,
            originals=originals.name, action=self._action(split), revision=REVISION,
            terms=self._protected.terms,
        )  # fmt: skip
        return self._folder / f"{key}.parquet"

    def make(
        self, tables: Iterable[TranslatedTable], progress: Progress, *, fresh: bool = False
    ) -> dict[TranslatedTable, str]:
        """Make the translations that are missing; returns those that failed, with the reason.

        Args:
            tables: Those that are needed.
            progress: Where to show how far it is.
            fresh: As in `translating`.
        """
        from babelift.translation.driver import translating

        by_translator: dict[str, list[TranslatedTable]] = {}
        for table in dict.fromkeys(tables):
            if table.record is None:
                by_translator.setdefault(table.translator, []).append(table)
        failed: dict[TranslatedTable, str] = {}
        for name, missing in by_translator.items():
            try:
                with translating(self._translators[name].spec, fresh=fresh) as opened:
                    opened = opened._replace(protected=self._protected)
                    for table in missing:
                        try:
                            self._translate(table, opened, progress)
                        except BabeliftError as error:
                            failed[table] = reason(error)
            except BabeliftError as error:
                failed |= {table: reason(error) for table in missing if table.record is None}
        return failed

    def _translate(
        self, table: TranslatedTable, opened: "OpenTranslators", progress: Progress
    ) -> None:
        with locked(table.path):
            if table.record is not None:
                return
            if not table.originals.is_file():
                raise TranslationError("there is nothing to translate back.")
            originals = read_table(table.originals)
            translated = opened.translate_rows(
                originals,
                [table.target],
                quality=self._action(table.split),
                progress=progress,
            )
            _check_answers(translated.report)
            rows = translated.rows
            write_rows(round_trips(originals, rows) if table.back else rows, table.path)
            record = TranslationRecord(kept=rows.height, report=translated.report.to_dict())
            _write_record(record, table)

    def _action(self, split: Split) -> QualityAction:
        return self._quality if split == "train" else "keep"


_FAILED_ANSWERS: Final = 0.05
"""Share of a table's answers that may be no translations. With more a service was down, and the
store would keep the gaps for every study; fewer are counted as rows that were dropped."""


def _check_answers(report: "TranslationReport") -> None:
    """Refuse a table of which too many answers failed.

    Raises:
        TranslationError: Says how many.
    """
    failed, asked = report.tally.failed, report.tally.translated
    if failed > _FAILED_ANSWERS * asked:
        raise TranslationError(
            f"translator '{report.translator}': {failed:,} of {asked:,} answers were no "
            "translations, but empty or error messages.",
            "What is sound is kept; run the same command again when the translator works.",
        )


def _write_record(record: TranslationRecord, table: TranslatedTable) -> None:
    write_record(record, table.path.with_suffix(".json"))


def reason(error: BaseException) -> str:
    """An error in one line, as it is told of a run that failed.

    >>> reason(ValueError("no"))
    'ValueError: no'
    """
    message = error.message if isinstance(error, BabeliftError) else str(error)
    return f"{type(error).__name__}: {message}"
