"""The job behind `babelift fit`: rows in, a classifier and an honest report out.

It reads from top to bottom as its stages: read, translate, train, evaluate, report. Each reads
what the one before left in the run's folder, writes files of its own and is then marked in the
manifest, so that the same command goes on after whatever was finished.
"""

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from babelift import __version__
from babelift.cluster.launched import Others, leave, wait_for_first
from babelift.config import FitConfig, View
from babelift.corpus.rows import PSEUDO
from babelift.errors import ConfigError, RunError
from babelift.hub import non_commercial
from babelift.progress import Progress, quiet
from babelift.run.data import read_lines, read_rows
from babelift.run.folder import LABEL_ERRORS, MANIFEST, Run, fresh_folder
from babelift.run.manifest import Licence, input_file, joules_since, joules_used, machine, versions
from babelift.run.self_training import ROUNDS, self_train
from babelift.run.translations import preview as preview_translations
from babelift.run.translations import seen_of, translate_rows, warn_of_poor_translators
from babelift.store import (
    cache_dir,
    check_model_name,
    claim_folder,
    file_hash,
    read_table,
    write_record,
    write_rows,
)
from babelift.translation.protected import read_terms

if TYPE_CHECKING:
    from babelift.prediction.predictor import Floats, Predictor
    from babelift.training.log import TrainResult


def fit(
    train: pl.DataFrame | str | Path | Sequence[str | Path],
    *,
    to: Sequence[str] = (),
    test: str | Path | Sequence[str | Path] = (),
    out: str | Path | None = None,
    force: bool = False,
    fresh: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> Run:
    """Train a classifier on labelled rows and their translations, and report on it.

    The same call again finishes what is missing; where nothing is, it changes nothing.

    Args:
        train: Labelled rows to train on: one or more tables (.csv, .tsv, .jsonl, .parquet,
            or `hub:NAME`), or a frame, of which a copy is kept in the cache.
        to: Languages that the classifier is wanted for, e.g. `["de", "ja"]`.
        test: Tables to test on; by default a tenth of the training rows is kept for it.
        out: The run's folder; by default `runs/<table>-<arm>`.
        force: Start over in a new folder beside one that exists.
        fresh: Translate anew, and put it in the place of what the translation memory holds.
        progress: Where progress is shown; None for nowhere.
        **settings: Any other setting of `babelift fit`, by its name in a YAML file, e.g.
            `encoder="mini"`, `label="stars"`; `from_` for `from`.

    Returns:
        The finished run: its `folder`, `metrics`, `manifest`, and the classifier's folder `model`.

    Raises:
        ConfigError: A setting is not known or has a value that is not allowed.
        BabeliftError: Whatever else stops the job; what was finished stays.

    >>> fit("no-such-table.csv", to=["de"], arm="transported")
    Traceback (most recent call last):
    babelift.errors.ConfigError: fit: 'arm': ...
    """
    table = (_kept(train),) if isinstance(train, pl.DataFrame) else _paths(train)
    values = {**settings, "train": table, "to": tuple(to), "test": _paths(test), "out": out}
    config = FitConfig.from_mapping(values, where="fit")
    return run_fit(config, force=force, fresh=fresh, progress=progress)


def _paths(paths: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    return tuple(map(str, (paths,) if isinstance(paths, str | Path) else paths))


def _kept(table: pl.DataFrame) -> str:
    """A frame as a file, named by its content, so that the run can be taken up and repeated."""
    folder = cache_dir() / "tables"
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=folder) as fresh:
        file = Path(fresh) / "table.parquet"
        write_rows(table, file)
        kept = folder / f"table-{file_hash(file)[:12]}.parquet"
        file.replace(kept)
    return str(kept)


def run_fit(
    config: FitConfig,
    *,
    command: Sequence[str] = (),
    force: bool = False,
    fresh: bool = False,
    advise: bool = True,
    progress: Progress | None = None,
) -> Run:
    """Do the whole job, or what is missing of it.

    Where a launcher started several processes this is for the first; `train_with_first` is what
    the others do.

    Args:
        config: Settings; `train` must name at least one table.
        command: The command line, for the report; empty from Python.
        force: Start over in a new folder beside one that exists.
        fresh: Translate anew, and put it in the place of what the translation memory holds.
        advise: Warn of a translator that is too poor for the encoder.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The finished run.

    Raises:
        BabeliftError: Whatever stops the job; what was finished stays.
    """
    progress = progress or quiet()
    with ExitStack() as held:
        with Others() as others:
            run = _start(config, command, force, held)
            if run.finished:
                progress.say(f"{run.folder} is complete already; nothing was changed.")
                return run
            if advise and not run.done("translation"):
                warn_of_poor_translators(config, run)
            joules = joules_used()
            run.do("data", read_rows, config, progress)
            run.do("translation", translate_rows, config, progress, fresh=fresh)
            run.save()
            others.tell(None if run.done("training") else run.folder)
            run.do("training", train, config, progress)
            shutil.rmtree(run.folder / ROUNDS, ignore_errors=True)
        run.do("evaluation", evaluate, config, progress)
        if run.manifest.finished is None:
            run.finish(joules_since(joules))
        run.do("report", report)
    return run


def preview(
    config: FitConfig, progress: Progress | None = None, *, fresh: bool = False
) -> list[str]:
    """What a run would have translated and at what price, in sentences; nothing is sent or kept.

    Args:
        config: As in `run_fit`.
        progress: Where progress is shown; None for nowhere.
        fresh: As in `run_fit`.

    Raises:
        BabeliftError: The rows cannot be used as the settings say.
    """
    _check_table(config)
    warn_of_poor_translators(config)
    return preview_translations(config, progress or quiet(), fresh=fresh)


def _check_table(config: FitConfig) -> None:
    if not config.train:
        raise ConfigError("no training table was given.", "Name one: babelift fit reviews.csv ...")


def _start(config: FitConfig, command: Sequence[str], force: bool, held: ExitStack) -> Run:
    """The run's folder, held for this job, with what is known before the first stage."""
    _check_table(config)
    stem = Path(config.train[0]).name.split(".")[0].replace(":", "-") or "run"
    out = config.out or Path("runs") / f"{stem}-{config.arm}"
    out = fresh_folder(out) if force else out
    roles = ("train", "validation", "test", "unlabelled", "keep_texts")
    tables = tuple(path for role in roles for path in getattr(config, role))
    terms = [str(config.keep_terms)] if config.keep_terms else []
    inputs = [*tables, *terms, config.translator, config.fallback or ""]
    check_model_name(out)
    held.enter_context(claim_folder(out, (), marker=MANIFEST, inputs=inputs))
    run = Run.start(out, config, command)
    files = tuple(
        input_file(path, role) for role in roles for path in getattr(config, role)
    ) + tuple(input_file(path, "keep_terms") for path in terms)
    # Not by path: what is shown of two files may be the same. Equal settings name equal files.
    both = zip(run.manifest.files, files, strict=False)
    changed = [file.path for before, file in both if before.sha256 != file.sha256]
    if run.manifest.stages and changed:
        raise RunError(
            f"'{changed[0]}' has changed since the run in '{run.folder}' was started.",
            "Use --force to start over in a new folder beside it, or choose another --out.",
        )
    # Files that are not there are told of at once.
    read_lines(config.keep_texts)
    if config.keep_terms:
        read_terms(config.keep_terms)
    if not run.finished:
        run.update(
            babelift=__version__,
            files=files,
            versions=versions(),
            machine=machine(),
            arm=config.arm,
            seed=config.seed,
        )
    return run


def train(run: Run, config: FitConfig, progress: Progress) -> None:
    """Train on the run's rows; write `model/`."""
    from babelift.prediction.views import VIEW, Judged

    result = _train(run, config, progress)
    parts = [("encoder", result.encoder, result.license)]
    if translation := run.manifest.translation:
        parts.append(("translator", translation.translator, translation.license))
        if second := translation.fallback:
            parts.append(("fallback translator", str(second["translator"]), second["license"]))
    elif view := run.manifest.view:
        parts.append(("translator", view.translator, view.license))
    if config.judged != "own":
        judged = Judged.of(config.judged, run.manifest.from_[0], config)
        write_record(judged, run.model / VIEW)
    licenses = tuple(
        Licence(
            what=what,
            name=name,
            license=license_,
            note="non-commercial use only" if non_commercial(license_) else None,
        )
        for what, name, license_ in parts
    )
    run.update(training=result, licenses=licenses)


def train_with_first(config: FitConfig) -> bool:
    """What every process but the first does: wait until it has the rows ready, train with it.

    Args:
        config: The settings that the first process has too.

    Returns:
        Whether the first process got that far.

    Raises:
        BabeliftError: Training failed.
    """
    try:
        well, folder = wait_for_first()
        if folder is not None:
            _train(Run.open(folder), config, quiet())
    finally:
        leave()
    return well


def _train(run: Run, config: FitConfig, progress: Progress) -> "TrainResult":
    from babelift.training.trainer import train_classifier

    rows, validation = (_split(run, split) for split in ("train", "validation"))

    def fit(rows: pl.DataFrame, folder: Path) -> "TrainResult":
        return train_classifier(
            rows,
            validation if validation.height else None,
            config,
            labels=list(run.manifest.labels),
            run_dir=folder,
            progress=progress,
            keep_texts=read_lines(config.keep_texts),
        )

    if config.arm == "self-trained":
        labelled = rows.filter(pl.col("origin") != PSEUDO)

        def label(predictor: "Predictor", rows: pl.DataFrame) -> "Floats":
            # What is labelled by its translation teaches the classifier to do without.
            return _by_view(run, rows, predictor, progress)[config.judged]

        by_view = label if config.judged != "own" else None
        return self_train(run, config, labelled, fit, validation, progress, by_view)
    return fit(rows, run.folder)


def _split(run: Run, split: str) -> pl.DataFrame:
    return read_table(run.folder / "data" / f"{split}.parquet")


def evaluate(run: Run, config: FitConfig, progress: Progress) -> None:
    """Predict the test rows, with the linear baseline too; write predictions and metrics."""
    from babelift.evaluation.baseline import linear_baseline
    from babelift.evaluation.metrics import evaluate_predictions
    from babelift.prediction.predictor import Predictor
    from babelift.prediction.rows import make_predictions

    labels = run.manifest.labels
    rows, test = _split(run, "train"), _split(run, "test")
    texts = test["text"].to_list()
    predictor = Predictor.load(run.model)
    _check_labels(run, rows.filter(origin="original"), predictor, progress)
    probabilities = _judge(run, test, predictor, progress)
    baseline = linear_baseline(rows["text"].to_list(), rows["label"].to_list(), texts, labels)
    predictions = pl.concat(
        [
            make_predictions(test, "encoder", predictor.labels, probabilities),
            make_predictions(test, "linear", labels, baseline),
        ]
    )
    write_rows(predictions, run.folder / "predictions.parquet")
    metrics = evaluate_predictions(
        predictions, labels, ordinal=run.manifest.ordinal, seed=config.seed
    )
    metrics = metrics.model_copy(update={"cuts": predictor.cuts(texts, test, "test")})
    write_record(metrics, run.folder / "metrics.json")


def _by_view(
    run: Run, rows: pl.DataFrame, predictor: "Predictor", progress: Progress
) -> "dict[View, Floats]":
    """What each view says of test or unlabelled rows."""
    seen = seen_of(run, rows)
    return seen.by_view(predictor.predict_proba(seen.texts, progress=progress))


def _judge(run: Run, test: pl.DataFrame, predictor: "Predictor", progress: Progress) -> "Floats":
    """The probabilities of the test rows' labels; where translations are judged, what that brings.

    All views are measured, so that the report can say whether translating was worth it.
    """
    from babelift.evaluation.differences import paired_differences

    told = run.manifest.view
    if told is None:
        return predictor.predict_proba(test["text"].to_list(), progress=progress)
    by_view = _by_view(run, test, predictor, progress)
    truth, langs = test["label"].to_numpy(), test["lang"].to_numpy()
    right = {
        view: np.array(predictor.labels)[found.argmax(axis=1)] == truth
        for view, found in by_view.items()
    }
    accuracy = {
        lang: {view: round(float(those[langs == lang].mean()), 4) for view, those in right.items()}
        for lang in dict.fromkeys(langs.tolist())
    }
    # An interval needs two items of a language.
    items = test.select(pl.col("group_id").n_unique().over("lang")).to_series().to_numpy()
    gain, foreign = None, (langs != told.into) & (items > 1)
    if foreign.any():
        differences = paired_differences(
            [right[told.view][foreign]], [right["own"][foreign]], langs[foreign],
            test["group_id"].to_numpy()[foreign],
        )  # fmt: skip
        gain = (differences.mean.delta, *differences.mean.interval)
    told = told.model_copy(update={"accuracy": accuracy, "gain": gain})
    run.update(view=told)
    run.note(told.sentence, progress)
    return by_view[told.view]


def _check_labels(run: Run, rows: pl.DataFrame, predictor: "Predictor", progress: Progress) -> None:
    """Look for labels of training rows that look wrong; write them to `label_errors.csv`."""
    from babelift.evaluation.label_errors import FEWEST, LabelCheck, label_errors

    check = LabelCheck(rows=rows.height)
    if rows.height >= FEWEST:
        started = time.perf_counter()
        vectors = predictor.vectors(rows["text"].to_list(), progress=progress)
        errors, check = label_errors(rows, vectors)
        write_rows(errors, run.folder / LABEL_ERRORS)
        check = check.model_copy(update={"seconds": round(time.perf_counter() - started, 2)})
    run.update(label_check=check)


def report(run: Run) -> None:
    """Write the model card and `report.html`, from nothing but what stands in the folder.

    Raises:
        RunError: A file the report needs is missing or damaged.
    """
    from babelift.report.card import write_model_card
    from babelift.report.pages.run import write_report

    write_model_card(run.folder)
    write_report(run.folder)
