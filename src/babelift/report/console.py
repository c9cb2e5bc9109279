"""A run's scores on the terminal."""

from typing import TYPE_CHECKING, Final, Literal

from babelift.evaluation.metrics import Metrics
from babelift.report.tables import ORIGINS, LanguageRow, language_rows
from babelift.run.manifest import Manifest

if TYPE_CHECKING:
    from rich.table import Table

_WORDS: Final = ("Language", "Test text")

_SHORT: Final = {words: origin for origin, words in ORIGINS.items() if origin != "original"}
"""One word for how a test text came to be: there is no room for more beside two intervals."""


def metrics_table(metrics: Metrics, manifest: Manifest) -> "Table":
    """Scores per language, as a table for `rich.console.Console.print` that fits 80 columns.

    F1-micro, the classifier's and the linear baseline's, stands with its interval.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for heading in _headings(metrics):
        justify: Literal["left", "right"] = "left" if heading in _WORDS else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    for row in language_rows(manifest, metrics):
        if not row.tag:
            table.add_section()
        table.add_row(*(Text(cell) for cell in _cells(row, metrics)))
    return table


def _headings(metrics: Metrics) -> list[str]:
    linear = ["Linear"] if metrics.linear else []
    ordinal = ["MAE", "QWK"] if metrics.ordinal else []
    return ["Language", "F1-micro", "F1-macro", *linear, *ordinal, "Rows", "Test text"]


def _cells(row: LanguageRow, metrics: Metrics) -> list[str]:
    linear = [str(row.linear)] if metrics.linear else []
    ordinal = [row.mae, row.qwk] if metrics.ordinal else []
    text = _SHORT.get(row.text, row.text)
    return [row.name, str(row.micro), row.macro.value, *linear, *ordinal, row.rows, text]
