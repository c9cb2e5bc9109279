"""`babelift report`: a run's report, written again."""

from pathlib import Path

from babelift.cli.show import show_file


def command(run: Path) -> None:
    """Write a run's report and model card again from what stands in its folder.

    Args:
        run: Run folder.
    """
    from babelift.run.fit import write_reports
    from babelift.run.folder import Run

    show_file("report", write_reports(Run.open(run).path))
