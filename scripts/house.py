"""Measures how a package is built; two revisions side by side.

    python scripts/house.py [REV ...] [--package src/babelift]

A revision is anything that git knows; without one the files as they lie here are measured. A line
of code is one that holds more than a comment or a docstring. A module counts as imported once if
exactly one other module of the package imports it, anywhere in its text.
"""

import argparse
import ast
import io
import subprocess
import sys
import tarfile
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

SHOWN = 5
"""How many of the largest modules and longest parameter lists are shown."""

_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip


@dataclass(frozen=True)
class House:
    """What was measured.

    Attributes:
        lines: Module to lines of code.
        imported_once: Modules that exactly one other imports.
        parameters: Function (`module:name`) to number of parameters, without self and cls.
        public: Names that the package offers: its `__all__`.
    """

    lines: Mapping[str, int]
    imported_once: tuple[str, ...]
    parameters: Mapping[str, int]
    public: tuple[str, ...]

    def rows(self) -> dict[str, str]:
        """What is printed of it, by name."""
        longest = Counter(self.parameters).most_common(SHOWN)
        largest = Counter(self.lines).most_common(SHOWN)
        return {
            "modules": str(len(self.lines)),
            "lines of code": f"{sum(self.lines.values()):,}",
            "modules over 300 lines": str(sum(lines > 300 for lines in self.lines.values())),
            "modules under 60 lines": str(sum(lines < 60 for lines in self.lines.values())),
            "modules imported once": str(len(self.imported_once)),
            "functions": f"{len(self.parameters):,}",
            "with over 6 parameters": str(sum(count > 6 for count in self.parameters.values())),
            "longest parameter lists": "\n".join(f"{count} {name}" for name, count in longest),
            "largest modules": "\n".join(f"{lines} {name}" for name, lines in largest),
            "public names": str(len(self.public)),
            "but errors": "\n".join(name for name in self.public if not name.endswith("Error")),
        }


def measure(sources: Mapping[str, str]) -> House:
    """Measure a package.

    Args:
        sources: Path below the package's folder (`cli/app.py`) to text. What the package is
            called follows from its imports of itself.
    """
    modules = {_module(path): text for path, text in sources.items()}
    trees = {name: ast.parse(text) for name, text in modules.items()}
    importers: Counter[str] = Counter()
    for name, tree in trees.items():
        importers.update(set(_imports(tree, modules)) - {name})
    return House(
        lines={name: code_lines(text) for name, text in modules.items()},
        imported_once=tuple(sorted(name for name, count in importers.items() if count == 1)),
        parameters={
            f"{name}:{function}": count
            for name, tree in trees.items()
            for function, count in _parameters(tree)
        },
        public=_public(trees.get("__init__", ast.parse(""))),
    )


def code_lines(text: str) -> int:
    """Lines that hold code: no blank ones, comments or docstrings.

    >>> code_lines('"Doc."\\n\\nx = 1  # why\\n# why\\ny = (\\n  2)\\n')
    3
    """
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            code |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            if _is_string(statement):
                code -= set(range(statement.lineno, (statement.end_lineno or 0) + 1))
    return len(code)


def _is_string(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _module(path: str) -> str:
    """The dotted name below the package; `__init__` for the package itself."""
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "__init__"


def _imports(tree: ast.AST, modules: Mapping[str, str]) -> Iterator[str]:
    """The package's own modules that are imported: `from package.a import b` is a.b or a."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            _, _, inside = node.module.partition(".")
            for name in node.names:
                deeper = f"{inside}.{name.name}".strip(".")
                yield from [place for place in (deeper, inside) if place in modules][:1]
        elif isinstance(node, ast.Import):
            for name in node.names:
                _, _, inside = name.name.partition(".")
                if inside in modules:
                    yield inside


def _parameters(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    for node in ast.iter_child_nodes(tree):
        name = inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{inside}.{node.name}".strip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            taken = node.args
            names = [item.arg for item in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
            extra = (taken.vararg is not None) + (taken.kwarg is not None)
            yield name, len([item for item in names if item not in ("self", "cls")]) + extra
        yield from _parameters(node, name)


def _public(tree: ast.Module) -> tuple[str, ...]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return tuple(ast.literal_eval(node.value))
    return ()


def here(package: Path) -> dict[str, str]:
    """The package's files as they lie here."""
    return {
        str(path.relative_to(package)): path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def at(revision: str, package: Path) -> dict[str, str]:
    """The package's files in a revision of the repository.

    Raises:
        SystemExit: git does not know the revision, or there is no such folder in it.
    """
    archive = subprocess.run(["git", "archive", revision, str(package)], capture_output=True)
    if archive.returncode:
        raise SystemExit(f"{revision}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        return {
            str(Path(item.name).relative_to(package)): files.extractfile(item).read().decode()  # type: ignore[union-attr]
            for item in files.getmembers()
            if item.name.endswith(".py")
        }


def table(houses: Mapping[str, House]) -> str:
    """One column for each house.

    >>> print(table({"a": measure({"__init__.py": "x = 1"}), "b": measure({})}).splitlines()[1])
    modules                  1           0
    """
    columns = [{"": title, **house.rows()} for title, house in houses.items()]
    lines = []
    for name in columns[0]:
        cells = [column[name].split("\n") for column in columns]
        for number, texts in enumerate(zip_longest(*cells, fillvalue="")):
            row = "".join(
                text.ljust(_width(column)) for text, column in zip(texts, columns, strict=True)
            )
            lines.append(f"{name if number == 0 else '':<25}{row}".rstrip())
    return "\n".join(lines)


def _width(column: Mapping[str, str]) -> int:
    return max(len(line) for cell in column.values() for line in cell.split("\n")) + 2


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("revision", nargs="*", help="of the repository; none for the files here")
    parser.add_argument("--package", type=Path, default=Path("src/babelift"))
    chosen = parser.parse_args()
    houses = {revision: measure(at(revision, chosen.package)) for revision in chosen.revision} or {
        "here": measure(here(chosen.package))
    }
    sys.stdout.write(table(houses) + "\n")


if __name__ == "__main__":
    main()
