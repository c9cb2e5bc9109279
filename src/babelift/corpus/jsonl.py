"""JSON lines: one object per line, each fault located in its line."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

import polars as pl

from babelift.corpus.rejects import UNDECODABLE, Reject, readable
from babelift.corpus.table import MAX_COLUMNS, MAX_DEPTH, MAX_NAME, ROW, Raw, check_columns, decode
from babelift.errors import DataError, quoted

_INT64: Final = 2**63
_EXACT_FLOAT: Final = 2**53


def read_jsonl(data: bytes, file: str) -> Raw:
    """Read JSON lines, or one JSON array of objects.

    Columns are the union of the objects' keys; a key that an object lacks is null. Lists and
    objects keep their structure where it is the same in all rows, and are JSON text otherwise.

    Args:
        data: UTF-8 bytes without a byte-order mark.
        file: Its name, for messages.

    Raises:
        DataError: Too many different keys, an array that is not JSON, or another encoding.
    """
    text, escaped = decode(data, file)
    objects = _array(text, file) if text.lstrip().startswith("[") else _lines(text)
    numbers: list[int] = []
    rejects: list[Reject] = []
    columns: dict[str, list[Any]] = {}
    for number, parsed, source in objects:
        fault = _fault(file, number, parsed, source, escaped)
        if fault is not None:
            rejects.append(fault)
            continue
        for name, value in parsed.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = []
                if len(columns) > MAX_COLUMNS:
                    raise DataError(
                        f"{file}: has more than {MAX_COLUMNS:,} different keys up to row {number}."
                    )
            if len(column) < len(numbers):
                column.extend([None] * (len(numbers) - len(column)))
            column.append(value)
        numbers.append(number)
    for column in columns.values():
        column.extend([None] * (len(numbers) - len(column)))
    series = [
        column_series(name, values)
        for name, values in zip(check_columns(list(columns), file), columns.values(), strict=True)
    ]
    frame = pl.DataFrame([*series, pl.Series(ROW, numbers, dtype=pl.Int64)])
    return Raw(file, frame, tuple(rejects))


def column_series(name: str, values: list[Any]) -> pl.Series:
    """A column from JSON values, of the narrowest type that changes none of them.

    >>> column_series("stars", [5, None, 4]).dtype, column_series("x", [5, "five"]).to_list()
    (Int64, ['5', 'five'])
    """
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {str}:
        return pl.Series(name, values, dtype=pl.String)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int} and all(v is None or -_INT64 <= v < _INT64 for v in values):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds <= {int, float} and all(type(v) is not int or abs(v) < _EXACT_FLOAT for v in values):
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    if kinds == {list} or kinds == {dict}:
        nested = _nested(name, values)
        if nested is not None:
            return nested
    return pl.Series(name, [as_text(value) for value in values], dtype=pl.String)


def as_text(value: Any) -> str | None:
    """A JSON value as text; whole numbers without a decimal point, null for not-a-number.

    >>> as_text(5.0), as_text(True), as_text(["a"])
    ('5', 'true', '["a"]')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _lines(text: str) -> Iterator[tuple[int, Any, str]]:
    # Only "\n" ends a line: JSON text may hold U+2028 and its kin, which splitlines() cuts at.
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip(" \t\r")
        if not line:
            continue
        try:
            yield number, _parsed(line), line
        except (ValueError, RecursionError) as error:
            yield number, error, line


def _array(text: str, file: str) -> Iterable[tuple[int, Any, str]]:
    try:
        rows = _parsed(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{file}: is not JSON: {_why(error)}.", "Write one JSON object per line."
        ) from error
    return [(number, row, "") for number, row in enumerate(rows, start=1)]


def _parsed(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ; of two alike, one value would vanish."""
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise json.JSONDecodeError(f"Key {quoted(readable(twice), 60)} occurs twice", "", 0)
    return parsed


def _fault(file: str, number: int, parsed: Any, source: str, escaped: bool) -> Reject | None:
    if isinstance(parsed, Exception):
        if escaped and UNDECODABLE.search(source):
            return Reject(file, number, None, "not UTF-8", text=readable(source))
        return Reject(file, number, None, f"not JSON: {_why(parsed)}", text=readable(source))
    if not isinstance(parsed, dict):
        return Reject(file, number, None, "not a JSON object", text=readable(source))
    if len(parsed) > MAX_COLUMNS:
        return Reject(file, number, None, f"more than {MAX_COLUMNS:,} keys", text=readable(source))
    for name, value in parsed.items():
        if len(name) > MAX_NAME:
            reason = f"key longer than {MAX_NAME:,} characters"
            return Reject(file, number, None, reason, readable(name), readable(source))
        if isinstance(value, dict | list) and _is_deep(value):
            reason = f"nested more than {MAX_DEPTH} levels deep"
            return Reject(file, number, readable(name), reason, text=readable(source))
    if escaped or not source or "\\ud" in source or "\\uD" in source:
        for name, value in parsed.items():
            if UNDECODABLE.search(json.dumps([name, value], ensure_ascii=False)):
                damaged = escaped and UNDECODABLE.search(source)
                reason = "not UTF-8" if damaged else "lone surrogate"
                return Reject(file, number, readable(name), reason, text=readable(source))
    return None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg[:1].lower() + error.msg[1:]
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "a number is too long"


def _nested(name: str, values: list[Any]) -> pl.Series | None:
    """Lists or objects as a nested column, None where polars would change or refuse them."""
    if _fields(values) > MAX_COLUMNS:
        return None
    try:
        series = pl.Series(name, values, strict=True)
        return series if series.to_list() == values else None
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return None
    except pl.exceptions.PanicException:
        return None


def _fields(values: list[Any]) -> float:
    """How many fields the objects at each place have; infinitely many where their keys differ.

    Polars gives all objects of a column the keys of all, which may be rows times keys of nulls.
    """
    inner = [item for value in values if isinstance(value, list) for item in value]
    objects = [value for value in values if isinstance(value, dict)]
    if not objects:
        return _fields(inner) if inner else 1
    keys = objects[0].keys()
    if inner or len(keys) > MAX_COLUMNS or any(value.keys() != keys for value in objects):
        return math.inf
    return sum(_fields([value[key] for value in objects]) for key in keys)
