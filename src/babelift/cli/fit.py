"""`babelift fit`: the whole job."""

import sys

from babelift.cli.faults import arguments
from babelift.cli.settings import DRY_RUN, FRESH, settings_command
from babelift.cli.show import show_run
from babelift.cluster.launched import is_first
from babelift.config import FitConfig


def fit(config: FitConfig, force: bool = False, fresh: bool = False, dry_run: bool = False) -> None:
    """Train a classifier on labelled rows and their translations, and report on it.

    Example: babelift fit reviews.csv --to de es ja --out runs/reviews

    The run's folder holds the model (plain transformers opens it), predictions, metrics and
    report.html. The same command again finishes what is missing.
    """
    from babelift.progress import terminal
    from babelift.run.fit import preview, run_fit, train_with_first

    if dry_run:
        for line in preview(config, terminal(), fresh=fresh) if is_first() else ():
            print(line)
        return
    if not is_first():
        sys.exit(not train_with_first(config))
    progress = terminal()
    command = ["babelift", *arguments()]
    run = run_fit(config, command=command, force=force, fresh=fresh, progress=progress)
    show_run(run)


command = settings_command(
    FitConfig,
    fit,
    positional=("train",),
    extra={
        "force": (bool, False, "Start over in a new folder beside the old one, which is kept."),
        "fresh": FRESH,
        "dry_run": DRY_RUN,
    },
)
