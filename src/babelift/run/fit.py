"""The chain behind `babelift fit`: rows in, a classifier and an honest report out.

Each stage writes its files and is then marked in the manifest, so that the same command goes on
after whatever was finished.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from babelift import __version__
from babelift.cluster.launched import Others, leave, wait_for_first
from babelift.config import FitConfig
from babelift.errors import ConfigError, RunError
from babelift.hub import non_commercial
from babelift.progress import Progress, quiet
from babelift.run import data
from babelift.run import manifest as facts
from babelift.run.folder import Run, fresh_folder
from babelift.store import full_disk_explained, write_json

if TYPE_CHECKING:
    from babelift.training.log import TrainResult


def train_beside(config: FitConfig) -> bool:
    """Wait until the first process has the rows ready, then train with it.

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
            train_model(Run.open(folder), config, quiet())
    finally:
        leave()
    return well


def run_fit(
    config: FitConfig,
    *,
    command: list[str] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Do the whole job, or what is missing of it.

    Where a launcher started several processes this is for the first; the others train beside it
    (`babelift.run.fit`).

    Args:
        config: Settings; `train` must name at least one table.
        command: The command line, for the report; by default made from the settings.
        force: Start over in a new folder beside one that exists.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The finished run.

    Raises:
        BabeliftError: Whatever stops the job; what was finished stays.
    """
    from babelift.training.encoder import find_encoder

    progress = progress or quiet()
    with Others() as others:
        if not config.train:
            raise ConfigError(
                "no training table was given.", "Name one: babelift fit reviews.csv ..."
            )
        out = config.out or Path("runs") / f"{_stem(config.train[0])}-{config.arm}"
        run = Run.start(fresh_folder(out) if force else out, config, command or ["babelift", "fit"])
        files = [
            facts.file_fact(path, role)
            for role in ("train", "validation", "test", "keep_texts")
            for path in getattr(config, role)
        ]
        _same_files(run, files)
        data.read_lines(config.keep_texts)  # a file that is not there is told of at once
        if run.finished:
            progress.say(f"{run.path} is complete already; nothing was changed.")
            return run
        joules = facts.energy_joules()
        run.manifest |= {
            "babelift": __version__,
            "files": files,
            "versions": facts.versions(),
            "machine": facts.machine(),
            "arm": config.arm,
            "seed": config.seed,
        }
        _stage(run, "data", lambda: data.prepare(run, config, progress))
        if not run.done("translation") and config.encoder != "scratch":
            # Hours of translating must not end at a misspelt name.
            find_encoder(config.encoder)
        _stage(run, "translation", lambda: data.translate(run, config, progress))
        run.save()
        others.tell(None if run.done("training") else run.path)
        _stage(run, "training", lambda: _train(run, config, progress))
    _stage(run, "evaluation", lambda: _evaluate(run, config, progress))
    if run.manifest["finished"] is None:
        _add_energy(run, joules)
        run.finish()
    _stage(run, "report", lambda: write_reports(run.path))
    return run


def write_reports(folder: Path) -> Path:
    """Write the model card and `report.html` from a run's folder; returns the latter.

    Raises:
        RunError: A file the report needs is missing or damaged.
    """
    from babelift.report.card import write_model_card
    from babelift.report.pages.run import write_report

    write_model_card(folder)
    return write_report(folder)


def _stage(run: Run, name: str, work: Any) -> None:
    if not run.done(name):
        with run.stage(name), full_disk_explained(run.path):
            work()


def train_model(run: Run, config: FitConfig, progress: Progress) -> "TrainResult":
    """Train on the run's rows; every process does it that takes part."""
    from babelift.training.trainer import train_classifier

    rows = data.read_split(run, "train")
    validation = data.read_split(run, "validation")
    return train_classifier(
        rows,
        validation if validation.height else None,
        config,
        labels=run.manifest["labels"],
        run_dir=run.path,
        progress=progress,
        keep_texts=data.read_lines(config.keep_texts),
    )


def _train(run: Run, config: FitConfig, progress: Progress) -> None:
    result = train_model(run, config, progress)
    run.manifest["training"] = result.to_dict()
    run.manifest["licenses"] = _licenses(run)


def _evaluate(run: Run, config: FitConfig, progress: Progress) -> None:
    from babelift.evaluation.baseline import linear_baseline
    from babelift.evaluation.jobs import make_predictions, write_predictions
    from babelift.evaluation.metrics import evaluate_predictions
    from babelift.prediction.stream import predict_proba

    labels = run.manifest["labels"]
    train, test = data.read_split(run, "train"), data.read_split(run, "test")
    texts = test["text"].to_list()
    names, probabilities = predict_proba(run.path / "model", texts, progress=progress)
    baseline = linear_baseline(train["text"].to_list(), train["label"].to_list(), texts, labels)
    predictions = pl.concat(
        [
            make_predictions(test, "encoder", names, probabilities),
            make_predictions(test, "linear", labels, baseline),
        ]
    )
    write_predictions(predictions, run.path / "predictions.parquet")
    metrics = evaluate_predictions(
        predictions, labels, ordinal=run.manifest["ordinal"], seed=config.seed
    )
    write_json(metrics, run.path / "metrics.json")


def _licenses(run: Run) -> list[dict[str, str | None]]:
    training, translation = run.manifest["training"], run.manifest.get("translation")
    entries = [("encoder", training["encoder"], training["license"])]
    if translation:
        entries.append(("translator", translation["translator"], translation["license"]))
        if second := translation["fallback"]:
            entries.append(("fallback translator", second["translator"], second["license"]))
    return [
        {
            "what": what,
            "name": name,
            "license": license_,
            "note": "non-commercial use only" if non_commercial(license_) else None,
        }
        for what, name, license_ in entries
    ]


def _same_files(run: Run, files: list[dict[str, Any]]) -> None:
    before = {fact["path"]: fact["sha256"] for fact in run.manifest.get("files", [])}
    changed = [
        fact["path"] for fact in files if before.get(fact["path"], fact["sha256"]) != fact["sha256"]
    ]
    if run.manifest["stages"] and changed:
        raise RunError(
            f"'{changed[0]}' has changed since the run in '{run.path}' was started.",
            "Use --force to start over in a new folder beside it, or choose another --out.",
        )


def _add_energy(run: Run, before: float | None) -> None:
    after = facts.energy_joules()
    used = None if before is None or after is None or after < before else after - before
    run.manifest["energy_joules"] = used


def _stem(path: str) -> str:
    return Path(path).name.split(".")[0].replace(":", "-") or "run"
