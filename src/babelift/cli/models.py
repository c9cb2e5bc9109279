"""`babelift models`: the named encoders and translators."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from babelift.cli.show import show_json

Entry = Mapping[str, Any]


def command(*, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """List the named encoders and translators: what they are, their licence, size and place.

    Says which encoder is recommended for this machine. Of those that ship with Babelift it also
    shows what was measured; --json gives the command that measures it again, and of the others
    published figures with their source.

    Args:
        as_json: Print JSON, for programs.
    """
    from babelift.training.encoder import describe as encoders
    from babelift.training.encoder import recommendation
    from babelift.translation.registry import describe as translators

    if as_json:
        show_json([*encoders(), *translators()])
        return
    from rich.console import Console

    console = Console()
    for title, entries in (("Encoders", encoders()), ("Translators", translators())):
        console.print(_table(f"{title}  (--{title.lower()[:-1]})", entries))
        console.print()
        if title == "Encoders":
            console.print(recommendation(), highlight=False)
            console.print()


def _table(title: str, entries: Sequence[Entry]) -> Any:
    """Names in full on the left; what there is to say of each beside it, as wide as it may be."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.box, table.pad_edge = None, False
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(overflow="fold")
    for entry in entries:
        table.add_row(str(entry["name"]), Text("\n").join(map(Text, _lines(entry))))
    return table


def _lines(entry: Entry) -> list[str]:
    """What it is; its languages, year, licence, size, head and place; what was measured.

    >>> _lines({"description": "fast", "license": "MIT", "size": "1 GB", "where": "a/b"})
    ['fast', 'licence MIT · 1 GB · a/b']
    """
    licence = f"licence {entry['license']}" if entry.get("license") else None
    terms = [licence, entry.get("territory")]
    reads = f"head reads {entry['reads']}" if entry.get("reads") else None
    year = str(entry["year"]) if entry.get("year") else None
    size, where = entry.get("size"), entry.get("where")
    parts = [entry.get("languages"), year, *terms, size, reads, where]
    measurements = entry.get("measurements") or {"results": []}
    return [
        str(entry["description"]),
        " · ".join(part for part in parts if part),
        *map(_measurement, measurements["results"]),
    ]


def _measurement(result: Mapping[str, Any]) -> str:
    """One line of what was measured.

    >>> _measurement({"what": "STS", "unit": "Spearman", "values": {"de": 0.75, "en>ja": 12.3}})
    'STS, Spearman: de .75, en→ja 12.3'
    """
    values = (
        f"{name.replace('>', '→')} {_number(value)}" for name, value in result["values"].items()
    )
    return f"{result['what']}, {result['unit']}: {', '.join(values)}"


def _number(value: float) -> str:
    from babelift.report.numbers import share

    return share(value) if abs(value) <= 1 else f"{value:.1f}"
