"""`babelift compare`: is one run, or file of predictions, really better than another?"""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from babelift.cli.show import show_comparison, show_file
from babelift.errors import RunError

if TYPE_CHECKING:
    from babelift.report.pages.comparison import ComparisonPage

_Words = Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative_iterable=())]


def command(
    *sides: str,
    names: _Words = (),
    over: _Words = (),
    margin: float | None = None,
    label: str | None = None,
    lang: str | None = None,
    id: str | None = None,  # noqa: A002
    group: str | None = None,
    out: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Say whether one run, or file of predictions, is really better than another.

    Example: babelift compare runs/zero-shot runs/translated

    Is translating good enough? babelift compare runs/native runs/translated --margin .02

    Rows are paired by id and language, and by seed where there are several. Each later side is
    measured against the first: the difference in accuracy with its interval, p after Holm, and how
    small a difference could have been seen. With one training a side it is about these very
    weights; a folder of runs that differ in the seed alone is one side with several.

    Args:
        sides: Two or more run folders, folders of runs with several seeds, or files of predictions
            (columns id, label, prediction and lang, and seed where there are several; .csv, .tsv,
            .jsonl or .parquet).
        names: What the sides are called, one name for each.
        over: Languages that averages are taken over; by default all that are shared.
        margin: The largest difference in accuracy that does not matter, such as .02: says too
            whether a side is the same as the first within it, or at most so far below.
        label: Column with the label, in files.
        lang: Column with the language, in files, or one language tag for all of them.
        id: Column with the rows' id, in files.
        group: Column that marks rows that are the same test item, in files.
        out: Folder for comparison.json and comparison.html.
        json: Print the comparison as JSON, and nothing else.
    """
    from babelift.evaluation.comparison import compare
    from babelift.report.pages.comparison import FILES, comparison_page
    from babelift.store import claim_folder

    with claim_folder(out, FILES, inputs=sides) if out else nullcontext():
        comparison = compare(
            sides,
            names=names or None,
            over=over or None,
            margin=margin,
            label=label,
            lang=lang,
            id=id,
            group=group,
        )
        page = None if json and not out else comparison_page(comparison)
        if page and out:
            _write(page, out)
    if json:
        print(comparison.model_dump_json(indent=1))
    elif page:
        show_comparison(page)
        if out:
            print()
            show_file("report", out / FILES[1])


def _write(page: "ComparisonPage", out: Path) -> None:
    from babelift.evaluation.comparison import Comparison
    from babelift.report.pages.comparison import NUMBERS, write_comparison
    from babelift.store import read_record

    if (out / NUMBERS).exists() and read_record(out / NUMBERS, Comparison) != page.comparison:
        raise RunError(
            f"'{out}' holds the comparison of other predictions; nothing there was touched.",
            "Choose another --out.",
        )
    write_comparison(page, out)
