"""`babelift models`: the named encoders and translators."""

import json
import sys

from rich.console import Console
from rich.table import Table


def command(*, as_json: bool = False) -> None:
    """List the named encoders and translators: licence, size, where they are.

    Args:
        as_json: Print JSON, for programs.
    """
    from babelift.train.encoder import describe as encoders
    from babelift.translate.registry import describe as translators

    entries = [*encoders(), *translators()]
    if as_json:
        sys.stdout.write(json.dumps(entries, ensure_ascii=False, indent=1) + "\n")
        return
    table = Table("name", "kind", "licence", "size", "where", "what", box=None)
    for entry in entries:
        table.add_row(
            *(str(entry.get(key) or "-") for key in ("name", "kind", "license", "size", "where")),
            str(entry.get("description") or ""),
        )
    Console().print(table)
