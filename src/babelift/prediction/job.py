"""Labelling rows: `babelift.predict`, and the job behind `babelift predict`."""

import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import polars as pl

from babelift.config import PredictConfig, View
from babelift.corpus import report_rejects
from babelift.corpus.columns import language_of_frame
from babelift.corpus.parts import Parts, parts_folder
from babelift.corpus.reader import read_parts
from babelift.corpus.rejects import UNDECODABLE
from babelift.corpus.rows import SCHEMA
from babelift.errors import ConfigError, DataError, did_you_mean, quoted
from babelift.prediction.model import model_identity
from babelift.prediction.predictor import Floats, Predictor, check_texts
from babelift.prediction.rows import prediction_columns
from babelift.prediction.views import Judged, Seen, Views, find_view, opened_views, seen_texts
from babelift.progress import Progress, quiet
from babelift.store import (
    changed_columns,
    claim_file,
    job_key,
    replace_file,
    rows_file,
    write_json,
    write_text,
)
from babelift.training.cuts import Cut, added_cuts, cut_sentences, warn_of_cuts

if TYPE_CHECKING:
    from babelift.prediction.on_ray import RayPredictor


def predict(
    model: str | Path | Predictor,
    rows: pl.DataFrame | Sequence[str] | str | Path,
    *,
    text: str | None = None,
    lang: str | None = None,
    view: View | None = None,
    translator: str | None = None,
    into: str | None = None,
    batch_size: int = 32,
    precision: Literal["fp32", "bf16", "auto"] = "fp32",
    on: Literal["local", "ray"] = "local",
    workers: int | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Label rows with a trained classifier.

    Args:
        model: Run folder, model folder, hub id, or a `Predictor`, which is left open.
        rows: A frame; or texts; or the name of one file, which is read as by 'babelift predict'.
        text: The column of the texts; `text` in a frame, found out in a file if absent.
        lang: The column with the language of each row, or one tag; `lang` if absent. Only read
            where translations are judged.
        view: What is judged of a row: its text (`own`), its translation into the language of
            training (`translated`), or `both`; as the run did if absent, of an open `Predictor`
            its text.
        translator: Who translates; the run's translator if absent.
        into: The language that rows are translated into; the run's if absent.
        batch_size: Texts that are computed together.
        precision: `fp32`, `bf16`, or `auto`: bf16 where the hardware has it. The labels are the
            same; probabilities agree to some hundredths.
        on: Where texts are labelled: `local`, in this process, or `ray`, on a Ray cluster.
        workers: Processes on the Ray cluster; as many as it has room for if absent.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The same rows in the same order under their own names (of texts: the column `text`), then
        `prediction`, `probability` (0 to 1, of the prediction) and `p_<label>` for each label (0 to
        1, adding up to 1). A row whose text is null has nulls there. A column that had one of these
        names before is called `..._given`. Of a file: what 'babelift predict' writes.

    Raises:
        ConfigError: A setting that cannot be used; a model for Ray is given by its name.
        DataError: There is no such column or file, a text is not a string, or too many rows of a
            file cannot be read.
        MissingDependencyError: Ray is wanted and not installed.
        ModelError: The model cannot be opened, is not a classifier, or gives no finite numbers.

    Example:
        new = pl.DataFrame({"text": ["Sehr gut.", "Kaputt."], "shop": ["a", "b"]})
        labelled = babelift.predict("runs/reviews", new)
        labelled.select("shop", "prediction", "probability")
    """
    progress = progress or quiet()
    settings = {
        "on": on, "workers": workers, "batch_size": batch_size, "precision": precision,
        "text": text, "lang": lang, "view": view, "translator": translator, "into": into,
    }  # fmt: skip
    config = PredictConfig.from_mapping(settings, where="predict")
    judged = _judged(config, None if isinstance(model, Predictor) else model)
    if isinstance(rows, str | Path):
        with TemporaryDirectory(prefix="babelift-") as folder:
            parts = _read([str(rows)], config, Path(folder), None, progress, judged)
            cuts: list[Cut] = []
            with _opened(config, model) as predictor, opened_views(judged, progress) as views:
                size = config.batch_size
                labelled = _labelled(parts, predictor, views, None, size, cuts, progress)
                predicted = pl.concat(labelled)
        warn_of_cuts(added_cuts(cuts))
        return predicted
    if not isinstance(rows, pl.DataFrame):
        check_texts(rows)
        for number, value in enumerate(rows, 1):
            if UNDECODABLE.search(value):
                raise DataError(
                    f"text {number} holds half a surrogate pair, which no table can hold. "
                    f"Got {quoted(value, 60)}.",
                    "Replace it: text.encode('utf-16', 'surrogatepass').decode('utf-16', "
                    "'replace')",
                )
        rows = pl.DataFrame({"text": pl.Series(rows, dtype=pl.String)})
    column = text or "text"
    if column not in rows.columns:
        raise DataError(
            f"the rows have no column '{column}'{did_you_mean(column, rows.columns)}",
            "Say which column holds the texts with text='...'.",
        )
    if rows.schema[column] != pl.String:
        raise DataError(f"column '{column}' must hold strings. Got {rows.schema[column]}.")
    readable = rows[column].is_not_null()
    texts = rows[column].filter(readable).to_list()
    with _opened(config, model) as predictor, opened_views(judged, progress) as views:
        judging = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
        if views is not None:
            judging = judging.with_columns(lang=_languages(rows, lang).filter(readable))
            views.require(judging["lang"].unique().drop_nulls().to_list())
        seen = seen_texts(views, judging)
        proba = np.full((rows.height, len(predictor.labels)), np.nan)
        [found] = predictor.stream_proba(
            [seen.texts], len(seen.texts), batch_size=config.batch_size, progress=progress
        )
        proba[readable.to_numpy()] = seen.average(found)
        warn_of_cuts(predictor.cuts(texts, rows.filter(readable)))
    predictions = pl.DataFrame(prediction_columns(predictor.labels, proba, rows.height))
    predictions = predictions.select(pl.when(pl.lit(readable)).then(pl.all()))
    names = free_names(rows.columns, predictions.columns)
    return pl.concat([rows.rename(names), predictions], how="horizontal")


def _languages(rows: pl.DataFrame, lang: str | None) -> pl.Series:
    """The language of each row of a frame.

    Raises:
        DataError: It is not said.
    """
    if lang is not None:
        rows, _ = language_of_frame(rows, lang, "the rows")
    if "lang" not in rows.columns:
        raise DataError(
            "translations are judged too, for which each row's language must be known; the rows "
            f"have no column 'lang'{did_you_mean('lang', rows.columns)}",
            "Say it with lang='de' or lang='COLUMN', or judge the texts alone with view='own'.",
        )
    return rows["lang"].cast(pl.String)


def run_predict(config: PredictConfig, progress: Progress | None = None) -> Path:
    """Label the rows of the input tables and write them.

    The file has `id`, `prediction`, `probability` and a `p_<label>` column per label, then the
    text, the language and the label where there are any, and the input's own columns; rows in the
    order of the input. Rows that cannot be read go to a file of rejects beside it. Rows go from
    file to file in parts: how many there are does not change how much memory is used. Finished
    parts are kept until the file is written: run again after a kill, it goes on from there.

    Args:
        config: Settings of `babelift predict`.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The file that was written.

    Raises:
        ConfigError: A setting is missing.
        DataError: The input cannot be used, or too many of its rows were rejected.
        ModelError: The model cannot be opened, or the processes on the Ray cluster died.
        MissingDependencyError: Ray is wanted and not installed.
        RunError: The file exists and is not this job's, or another job writes it now.
    """
    if not config.input:
        raise ConfigError("no input table was given.", "Name one or more, e.g. reviews.csv")
    if config.out is None:
        raise ConfigError("no file to write was given.", "Name one: --out labelled.csv")
    progress = progress or quiet()
    out = config.out
    judged = _judged(config, config.model)
    with claim_file(out, [*config.input, config.model]) as output:
        if out.exists():
            job = _job_key(config, judged)
            output.check_job(job)
            # A kill after the last part was written left what was made on the way.
            with parts_folder(out):
                Finished(out, job).clear()
            progress.say(f"{out} is complete already; nothing was changed.")
            return out
        with parts_folder(out) as folder:
            rows = _read(config.input, config, folder, output.rejects, progress, judged)
            for note in changed_columns(rows.form, out):
                progress.say(note)
            job = _job_key(config, judged)
            finished = Finished(out, job)
            begun = len(finished) > 0
            cuts: list[Cut] = []
            with (
                _opened(config, config.model) as predictor,
                opened_views(judged, progress) as views,
                rows_file(out, excel_safe=config.excel_safe) as append,
            ):
                size = config.batch_size
                for part in _labelled(rows, predictor, views, finished, size, cuts, progress):
                    append(part)
                counts = {
                    "rows": rows.height,
                    "rejects": rows.rejects.height,
                    "cuts": [part.model_dump() for part in added_cuts(cuts)],
                }
                write_json({"job": job, **counts}, output.report)
            finished.clear()
    progress.say(f"{rows.height:,} rows labelled, {rows.rejects.height:,} rejected")
    for sentence in views.sentences() if views else ():
        progress.say(f"of those that were left: {sentence}" if begun else sentence)
    for sentence in cut_sentences(added_cuts(cuts)):
        progress.say(sentence)
    return out


def _judged(config: PredictConfig, model: str | Path | None) -> Judged | None:
    """What is judged of the rows.

    Raises:
        ConfigError: It is not known, or cannot be translated where the rows are labelled.
    """
    judged = find_view(config, model)
    if judged is not None and config.on == "ray":
        raise ConfigError(
            "rows are translated on this machine alone, not on a Ray cluster.",
            "Leave out --on ray, or judge the rows' own text alone: --view own.",
        )
    return judged


_OF_JUDGED: Final = ("view", "translator", "into")
"""Settings that stand in what is judged."""


def _job_key(config: PredictConfig, judged: Judged | None) -> str:
    """The key of all that the probabilities depend on."""
    settings = config.content("model", "input", "max_rejects", "on", "workers", *_OF_JUDGED)
    parts = [settings, model_identity(config.model)]
    return job_key([*parts, judged.model_dump()] if judged else parts, config.input)


def _read(
    files: Sequence[str],
    config: PredictConfig,
    folder: Path,
    rejects: Path | None,
    progress: Progress,
    judged: Judged | None,
) -> Parts:
    known = judged is not None
    rows = read_parts(files, config, folder, labelled=False, lang_required=known)
    report_rejects(rows, rejects, config.max_rejects, progress)
    return rows


@contextmanager
def _opened(
    config: PredictConfig, model: str | Path | Predictor
) -> "Iterator[Predictor | RayPredictor]":
    """The model, here or on a cluster."""
    if config.on == "ray":
        from babelift.cluster.ray import Pool
        from babelift.prediction.on_ray import PredictingWorker, RayPredictor

        if isinstance(model, Predictor):
            raise ConfigError(
                "the model is open already: it cannot be sent to Ray.",
                "Give its folder or name, or leave on='ray' out.",
            )
        with Pool(PredictingWorker, config.workers) as pool:
            yield RayPredictor(model, pool, precision=config.precision)
    elif isinstance(model, Predictor):
        yield model
    else:
        yield Predictor.load(model, precision=config.precision)


def _labelled(
    rows: Parts,
    predictor: "Predictor | RayPredictor",
    views: Views | None,
    finished: "Finished | None",
    batch_size: int,
    cuts: list[Cut],
    progress: Progress,
) -> Iterator[pl.DataFrame]:
    """Each part with its predictions; those that are finished already are not made again.

    The texts that were cut are counted in `cuts`.
    """
    if views is not None:
        views.require(rows.langs)
    probabilities = _probabilities(rows, predictor, views, finished, batch_size, progress)
    for part, proba in zip(rows, probabilities, strict=True):
        cuts += predictor.cuts(part["text"].to_list(), part)
        predictions = prediction_columns(predictor.labels, proba, part.height)
        own = [name for name in part.columns if name not in SCHEMA]
        taken = ["id", *rows.filled, *(column.name for column in predictions)]
        inputs = part.select(*rows.filled, *own).rename(free_names(own, taken))
        yield pl.DataFrame([part["id"], *predictions, *inputs])


def _probabilities(
    rows: Parts,
    predictor: "Predictor | RayPredictor",
    views: Views | None,
    finished: "Finished | None",
    batch_size: int,
    progress: Progress,
) -> Iterator[Floats]:
    """The probabilities of each part: finished ones first, then the others, kept one by one."""
    done = 0
    for proba in finished or ():
        done += len(proba)
        yield proba
    if done:
        progress.say(f"{done:,} rows are finished already.")
    waiting: deque[Seen] = deque()

    def texts() -> Iterator[list[str]]:
        for part in islice(rows, len(finished or ()), None):
            waiting.append(seen_texts(views, part))
            yield waiting[-1].texts

    total = rows.height - done
    if views is not None and views.judged.view == "both":
        left = islice(rows, len(finished or ()), None)
        total += sum(int((part["lang"] != views.judged.into).sum()) for part in left)
    for proba in predictor.stream_proba(texts(), total, batch_size=batch_size, progress=progress):
        proba = waiting.popleft().average(proba)
        if finished is not None:
            finished.append(proba)
        yield proba


def free_names(names: Sequence[str], taken: Sequence[str]) -> dict[str, str]:
    """New names for columns, such that none is taken.

    >>> free_names(["p_a", "p_a_given", "b"], ["p_a"])
    {'p_a': 'p_a_given', 'p_a_given': 'p_a_given_given', 'b': 'b'}
    """
    used, renamed = set(taken), {}
    for name in names:
        free = name
        while free in used:
            free += "_given"
        used.add(free)
        renamed[name] = free
    return renamed


class Finished:
    """Probabilities of the first parts of a table, in a hidden folder beside the output.

    What another job left there is begun anew.

    Args:
        out: The output.
        job: Identifies model, settings and input.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = Path(folder) / "labelled.csv"
    ...     Finished(out, "job").append(np.array([[0.25, 0.75]]))
    ...     [part.tolist() for part in Finished(out, "job")], len(Finished(out, "another"))
    ([[[0.25, 0.75]]], 0)
    """

    def __init__(self, out: Path, job: str) -> None:
        self._folder = out.with_name(f".{out.name}.finished")
        self._job = job
        name = self._folder / "job"
        known = name.read_text(encoding="utf-8") if name.is_file() else None
        self._count = len(list(self._folder.glob("*.npy"))) if known == job else 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Floats]:
        for number in range(self._count):
            yield np.load(self._part(number), allow_pickle=False)

    def append(self, proba: Floats) -> None:
        """Keep one more part.

        Raises:
            RunError: It cannot be written: disk full, no permission.
        """
        if not self._count:
            self.clear()
            self._folder.mkdir()
            write_text(self._job, self._folder / "job")
        replace_file(self._part(self._count), lambda file: _save(file, proba))
        self._count += 1

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _part(self, number: int) -> Path:
        return self._folder / f"{number:06}.npy"


def _save(file: Path, proba: Floats) -> None:
    with file.open("wb") as opened:
        np.save(opened, proba, allow_pickle=False)
