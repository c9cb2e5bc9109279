"""`babelift demo`: the whole job on the sample that ships with Babelift."""

import sys
from pathlib import Path

from babelift.cli.show import show_run


def command(out: Path = Path("runs/demo"), *, force: bool = False) -> None:
    """Show the whole job on a sample that ships with Babelift; downloads nothing.

    Trains a small classifier from nothing on 40 English reviews (written for Babelift, not
    collected from customers) and their translations, and tests it in six languages. It shows what
    the job looks like, not how good a real model is.

    Args:
        out: Run folder.
        force: Start over in a new folder beside the old one, which is kept.
    """
    from babelift.embedded import sample_config
    from babelift.progress import terminal
    from babelift.run.fit import run_fit

    config = sample_config(out)
    run = run_fit(config, command=["babelift", *sys.argv[1:]], force=force, progress=terminal())
    show_run(run)
