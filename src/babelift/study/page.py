"""A study's page and the numbers behind it, made from nothing but the files in its folder."""

from pathlib import Path

from babelift.files import write_json, write_text
from babelift.report.study import render_study
from babelift.study.summary import summarise


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study, finished or not."""
    return any((folder / name).is_file() for name in ("study.yaml", "runs.json"))


def write_study_page(folder: Path) -> Path:
    """Write `report.json` and `report.html` into a study's folder.

    Args:
        folder: A study's folder, as `run.run_study` left it.

    Returns:
        The page.

    Raises:
        RunError: A file is missing or damaged.
    """
    values = summarise(folder)
    write_json(values, folder / "report.json")
    return write_text(render_study(values), folder / "report.html")
