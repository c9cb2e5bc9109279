"""`babelift report`: the report of a run or a study, written again."""

from pathlib import Path

from babelift.cli.show import show_file


def command(folder: Path) -> None:
    """Write a report again from what stands in the folder of a run or a study.

    Args:
        folder: Folder of a run, whose model card is written too, or of a study.
    """
    from babelift.report.pages.study import write_study_page
    from babelift.study.summary import is_study

    if is_study(folder):
        show_file("report", write_study_page(folder))
        return
    from babelift.run.fit import report
    from babelift.run.folder import Run

    run = Run.open(folder)
    report(run)
    show_file("report", run.report)
