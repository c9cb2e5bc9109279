"""A study's tables and translations on disk, named by what is in them, shared between studies."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

import babelift
from babelift.config import QualityAction
from babelift.corpus.rows import conform
from babelift.errors import BabeliftError
from babelift.progress import Progress
from babelift.store import write_json, write_rows
from babelift.study.condition import REFERENCE
from babelift.study.rows import Split, Tables, reference_rows
from babelift.study.spec import StudySpec
from babelift.training.data import digest


@dataclass(frozen=True)
class Engine:
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


def find_engines(spec: StudySpec, data: Path, *, run_code: bool = True) -> dict[str, Engine]:
    """Load every translator once, to see that it is there and what identifies its output.

    Args:
        spec: The study.
        data: What `{data}` stands for.
        run_code: Whether packages of others may be loaded. What is not loaded counts as able to
            translate every pair, and as having translated nothing.

    Raises:
        BabeliftError: A translator is not known, or cannot be loaded.
    """
    from babelift.translation.registry import load_translator, loads_code_of_the_user

    found = {}
    for name, text in spec.translators.items():
        full = text.replace("{data}", str(data))
        if not run_code and loads_code_of_the_user(full):
            found[name] = Engine(name, full, f"{full}, not loaded", None, None)
            continue
        with closing(load_translator(full)) as opened:
            found[name] = Engine(name, full, opened.fingerprint, opened.license, opened.pairs())
    return found


@dataclass(frozen=True)
class Need:
    """Translations of one table into one language, which a training cannot do without.

    Attributes:
        translator: Name of the translator, or `reference`.
        split: Whether they are of training or test rows.
        source: Language of the table.
        target: Language they are in.
        table: The originals.
        path: Where the translations are, once they are made.
    """

    translator: str
    split: Split
    source: str
    target: str
    table: Path
    path: Path

    @property
    def made(self) -> bool:
        """Whether they are there."""
        return self.path.is_file() and self.path.with_suffix(".json").is_file()

    @property
    def report(self) -> dict[str, Any]:
        """What the quality checks found, and the translator's time; empty for the reference."""
        report: dict[str, Any] = json.loads(self.path.with_suffix(".json").read_text("utf-8"))
        return report


class Shelf:
    """A study's tables on disk, each named by what is in it, so that studies share them.

    Args:
        folder: Where they are kept.
        tables: The rows.
        engines: The translators, by name.
        quality: What becomes of training rows with a faulty translation.
    """

    def __init__(
        self,
        folder: Path,
        tables: Tables,
        engines: Mapping[str, Engine],
        quality: QualityAction,
    ) -> None:
        self._folder, self._tables, self._engines = folder, tables, engines
        self._quality = quality
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
            path.parent.mkdir(parents=True, exist_ok=True)
            write_rows(conform(rows), path)
        return path

    def need(
        self, name: str, split: Split, source: str, target: str, rows: int | None = None
    ) -> Need:
        """Translations of `originals(split, source, rows)`; they may not be made yet."""
        table = self.originals(split, source, rows)
        if name == REFERENCE:
            parts = [REFERENCE, table.name, self._counterparts(split, target).name]
        else:
            parts = [self._engines[name].fingerprint, source, target, table.name,
                     code_version("translation"), self._action(split)]  # fmt: skip
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
        return Need(name, split, source, target, table, self._folder / f"{key}.parquet")

    def make(self, needs: Sequence[Need], progress: Progress) -> dict[Need, str]:
        """Make the translations that are missing; returns those that failed, with the reason."""
        failed: dict[Need, str] = {}
        missing = [need for need in dict.fromkeys(needs) if not need.made]
        for name in dict.fromkeys(need.translator for need in missing):
            own = [need for need in missing if need.translator == name]
            try:
                with self._translator(name, progress) as translate:
                    for need in own:
                        self._make(need, translate, failed)
            except BabeliftError as error:
                failed |= {need: _said(error) for need in own if not need.made}
        return failed

    def _make(self, need: Need, translate: "_Translate", failed: dict[Need, str]) -> None:
        try:
            rows, report = translate(need)
        except BabeliftError as error:
            failed[need] = _said(error)
            return
        write_rows(rows, need.path)
        write_json(report, need.path.with_suffix(".json"))

    @contextmanager
    def _translator(self, name: str, progress: Progress) -> Iterator["_Translate"]:
        if name == REFERENCE:
            yield self._reference
            return
        from babelift.translation.driver import translating

        with translating(self._engines[name].spec) as opened:

            def translate(need: Need) -> tuple[pl.DataFrame, dict[str, Any]]:
                made = opened.translate_rows(
                    pl.read_parquet(need.table),
                    [need.target],
                    quality=self._action(need.split),
                    progress=progress,
                )
                return made.rows, made.report.to_dict()

            yield translate

    def _reference(self, need: Need) -> tuple[pl.DataFrame, dict[str, Any]]:
        others = pl.read_parquet(self._counterparts(need.split, need.target))
        return reference_rows(pl.read_parquet(need.table), others), {}

    def _counterparts(self, split: Split, lang: str) -> Path:
        return self.originals(split, lang)

    def _action(self, split: Split) -> QualityAction:
        return self._quality if split == "train" else "keep"


_Translate = Callable[[Need], tuple[pl.DataFrame, dict[str, Any]]]


def _said(error: BabeliftError) -> str:
    return f"{type(error).__name__}: {error.message}"


@cache
def code_version(*parts: str) -> str:
    """What identifies the code of some parts of the package: its version and a hash of its source.

    Args:
        *parts: Folders or files, such as `train`.
    """
    root = Path(babelift.__file__).parent
    found = hashlib.sha256()
    for part in parts:
        path = root / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(file.read_bytes())
    return f"{babelift.__version__} {found.hexdigest()[:12]}"
