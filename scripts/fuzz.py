"""Mutates tables of every form and reads them as `translate` and `predict` do.

    python scripts/fuzz.py [--cases 1000] [--seed 1] [--only CASE]

Each case is a small table with something odd in it: in its cells, its header, its bytes, its
compression, or in that it is no file at all. It goes through a command in a process of its own.
Told are tracebacks, cases over a minute or 2 GiB, and those in which a row was lost or invented:
every row that was written comes out or is a reject. A case is a pure function of its number.
"""

import argparse
import csv
import gzip
import io
import json
import os
import pkgutil
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SECONDS = 60
BYTES = 2 << 30
FORMS = (
    "csv", "tsv", "jsonl", "json", "ndjson", "csv.gz", "tsv.gz", "jsonl.gz", "parquet", "xlsx",
)  # fmt: skip
TEXTS = (
    "The room was clean.", "Never again!", "We liked the view", "It rained", "Good value for money",
    "The staff was rude", "Breakfast was cold", "A quiet place",
)  # fmt: skip
ODD_TEXTS: tuple[str, ...] = (
    "", " ", "\n", "a\nb", "a\r\nb", "a\rb", "\t", '"', '""', '5" screen', "a,b", "a\tb", "a;b|c",
    "\0", "a\0b", "\x08", "\x1b[31m", "\x7f", "\x85", "\ufeff", "\u200b", "\u202e", "e\u0301",
    "é", "日本語", "🙂", "\U0010ffff", "\ufffd", "x" * 100_000, "x y " * 60_000, "=1+1", "+1", "-1",
    "@a", "NaN", "null", "true", "1", "1.0", "1e400", "-0", "{}", "[]", "\\", "\\n", "%s", "{a}",
    "&amp;", "http://a.b/c?d=e", "@user #tag", "<b>x</b>", "'", "`", "\u2028", "\u2029", "id",
    "text", "label",
)  # fmt: skip
ODD_LANGS: tuple[Any, ...] = (None, "", "xx-no", "English", "EN", "zh-TW", "no-lang", 5, "e" * 9999)
ODD_NAMES = (
    "", " ", "text", "label", "lang", "id", "é", "a" * 1000, "a" * 1001, "prediction", "flags",
    "group_id", "origin", "split", "a\nb", '"', "p_good", "__babelift_row", "input_id", "score",
)  # fmt: skip
ODD_BYTES = (
    b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"\t", b"\0", b"\xff", b"\xe9", b"\xef\xbb\xbf", b"{",
    b"}", b"[" * 500, b"]", b"\\ud83d", b"\\u0000", b"\\", b"'", b";", b"|", b" " * 5000,
    b"\x1f\x8b", b"PAR1", b"\xff\xfe", b"x" * 300_000, b"1" * 5000, b"1e999", b"NaN", b"null", b":",
    b"text,label\n",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One table and the command it goes through.

    Attributes:
        path: The table.
        command: `translate` or `predict`.
        rows: Rows that were written; None where that can no longer be said.
        what: What is odd about it.
        out: Ending of the output.
    """

    path: Path
    command: str
    rows: int | None
    what: str
    out: str


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        status: `written`, `refused` (an error of Babelift's) or `traceback`.
        message: The error.
        out: Rows in the output.
        rejects: Rows among the rejects.
        seconds: How long it took.
        peak: Largest resident memory in bytes.
    """

    status: str
    message: str = ""
    out: int = 0
    rejects: int = 0
    seconds: float = 0.0
    peak: int = 0


def verdicts(case: Case, outcome: Outcome) -> list[str]:
    """What is wrong with an outcome: `traceback`, `slow`, `large`, `unbalanced`.

    >>> case = Case(Path("a.csv"), "predict", 3, "cells", ".csv")
    >>> verdicts(case, Outcome("written", out=2, rejects=1))
    []
    >>> verdicts(case, Outcome("written", out=2, seconds=61))
    ['slow', 'unbalanced']
    """
    wrong = ["traceback"] if outcome.status == "traceback" else []
    wrong += ["slow"] if outcome.seconds > SECONDS else []
    wrong += ["large"] if outcome.peak > BYTES else []
    lost = case.rows is not None and outcome.out + outcome.rejects != case.rows
    return wrong + (["unbalanced"] if outcome.status == "written" and lost else [])


def make_case(number: int, folder: Path) -> Case:
    """Write the table of a case into a folder."""
    chance = random.Random(number)
    form = chance.choice(FORMS)
    path = folder / f"table.{form}"
    command, out = (
        chance.choice(("translate", "predict")),
        chance.choice((".jsonl", ".csv", ".parquet")),
    )
    mutate = chance.choice((_cells, _cells, _cells, _header, _bytes, _bytes, _packing, _file))
    rows, what = mutate(chance, path, form)
    return Case(path, command, rows, f"{form}, {mutate.__name__[1:]}: {what}", out)


def _table(chance: random.Random) -> list[dict[str, Any]]:
    number = chance.choice((1, 2, 5, 30, 30, 400))
    return [
        {
            "id": f"r{n}",
            "text": f"{chance.choice(TEXTS)} {n}",
            "label": chance.choice(("good", "bad")),
            "lang": chance.choice(("en", "fr")),
            "own": n,
        }
        for n in range(number)
    ]


def _encoded(rows: list[dict[str, Any]], form: str) -> bytes:
    """The rows as a file of a form, not yet compressed; a form that is not read as a zip file."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if form.startswith(("jsonl", "ndjson")):
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if form == "json":
        return json.dumps(rows).encode()
    if form.startswith(("csv", "tsv")):
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, delimiter="," if form.startswith("csv") else "\t")
        writer.writerow(names)
        for row in rows:
            values = ("" if row.get(name) is None else row[name] for name in names)
            writer.writerow(
                json.dumps(value) if isinstance(value, list | dict) else value for value in values
            )
        return stream.getvalue().encode("utf-8", "surrogatepass")
    if form == "parquet":
        import pyarrow as pa
        from pyarrow import parquet

        sink = io.BytesIO()
        columns = {name: _arrow([row.get(name) for row in rows]) for name in names}
        parquet.write_table(pa.table(columns), sink, row_group_size=max(1, len(rows) // 2))
        return sink.getvalue()
    return b"PK\x03\x04" + json.dumps(rows).encode()


def _arrow(values: list[Any]) -> Any:
    """A column of whatever type holds the values; text, cut at lone surrogates, where none does."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):
        texts = (None if v is None else str(v).encode("utf-8", "replace").decode() for v in values)
        return pa.array(list(texts), pa.string())


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(gzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)


def _cells(chance: random.Random, path: Path, form: str) -> tuple[int | None, str]:
    """Odd values; each row is still one record."""
    rows = _table(chance)
    told = []
    for _ in range(chance.choice((1, 1, 3, 20))):
        row, name = (
            chance.choice(rows),
            chance.choice(("id", "text", "text", "label", "lang", "own")),
        )
        if name == "lang":
            row[name] = chance.choice(ODD_LANGS)
        elif name == "own":
            row[name] = _own(chance, form)
        else:
            row[name] = chance.choice(ODD_TEXTS)
        told.append(f"{name}={str(row[name])[:20]!r}")
    if chance.random() < 0.2:
        kind = _column(chance)
        for row in rows:
            row["more"] = kind()
        told.append(f"more={str(rows[0]['more'])[:30]!r}")
    if form.startswith("jsonl") and chance.random() < 0.3:
        chance.choice(rows)["text"] = "half \ud83d"
    data = _encoded(rows, form)
    _write(path, data)
    return len(rows), ", ".join(told[:3])


def _own(chance: random.Random, form: str) -> Any:
    deep: Any = 1
    for _ in range(chance.choice((3, 31, 40, 300))):
        deep = [deep] if chance.random() < 0.5 else {"a": deep}
    plain = [None, 2**70, -(2**63), 0.5, 1e300, True, "many", "x" * 200_000]
    nested = [[1, "a"], [], {}, {"a": {}}, {"a": b"" if form == "parquet" else "b"}, deep]
    return chance.choice(plain + ([] if form == "parquet" else nested))


def _column(chance: random.Random) -> Callable[[], Any]:
    """Makes the values of a column of one type."""

    kinds: list[Callable[[], Any]] = [
        lambda: chance.randbytes(4).hex(),
        lambda: [chance.randint(0, 9)] * chance.randint(0, 3),
        lambda: {"a": chance.randint(0, 9), "b": [{"c": "x"}]},
        lambda: {f"k{chance.randint(0, 99)}": 1},
        lambda: None,
    ]
    return chance.choice(kinds)


def _header(chance: random.Random, path: Path, form: str) -> tuple[int | None, str]:
    """Odd column names, missing ones, very many."""
    rows = _table(chance)
    name, new = chance.choice(("id", "text", "label", "lang", "own")), chance.choice(ODD_NAMES)
    number = chance.choice((0, 0, 0, 1_000, 3_000))
    clash = new.strip() in rows[0] and form not in ("jsonl", "json", "ndjson", "jsonl.gz")
    renamed = [
        {(new if key == name else key): value for key, value in row.items()}
        | {f"c{n}": n for n in range(number if place == 0 else 0)}
        for place, row in enumerate(rows)
    ]
    _write(path, _encoded(renamed, form))
    return None if clash else len(rows), f"{name} is called {new[:20]!r}, {number} more"


def _bytes(chance: random.Random, path: Path, form: str) -> tuple[int | None, str]:
    """Bytes flipped, put in, taken out, moved."""
    data = bytearray(_encoded(_table(chance), form))
    told = []
    for _ in range(chance.choice((1, 1, 2, 10))):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((0, 1, 1, 10, 1000)))
        new = chance.choice(
            (b"", chance.choice(ODD_BYTES), bytes(data[start:end]) * 2, chance.randbytes(3))
        )
        data[start:end] = new
        told.append(f"{start}-{end}: {bytes(new)[:10]!r}")
    _write(path, bytes(data))
    return None, ", ".join(told[:3])


def _packing(chance: random.Random, path: Path, form: str) -> tuple[int | None, str]:
    """Damage of the compressed file, or of a file that only claims to be one."""
    rows = _table(chance)
    data = _encoded(rows, form)
    packed = gzip.compress(data, mtime=0)
    place = chance.randrange(len(packed))
    kinds = {
        "cut": packed[:place],
        "flipped": packed[:place]
        + bytes([packed[place] ^ 1 << chance.randrange(8)])
        + packed[place + 1 :],
        "more behind": packed + b"more",
        "padded": packed + bytes(100),
        "two": gzip.compress(data[:place], mtime=0) + gzip.compress(data[place:], mtime=0),
        "none": data,
        "bomb": gzip.compress(data + bytes(40 << 20), 1),
        "twice": gzip.compress(packed, mtime=0),
    }
    kind = chance.choice(list(kinds))
    path = path if path.name.endswith(".gz") else path.with_name(f"{path.name}.gz")
    path.write_bytes(kinds[kind])
    link = path.with_name(f"table.{form}")
    if link != path:
        path.rename(link)  # a gzip file that does not say so
        return None, f"{kind}, not called .gz"
    return len(rows) if kind in ("padded", "two") else None, kind


def _file(chance: random.Random, path: Path, form: str) -> tuple[int | None, str]:
    """No file, or nothing in it."""
    kind = chance.choice(
        ("empty", "blank", "pipe", "device", "folder", "missing", "unreadable link")
    )
    if kind in ("empty", "blank"):
        _write(path, b"" if kind == "empty" else b"\n \n" * 999)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to(chance.choice(("/dev/zero", "/dev/random", "/dev/null", "/dev/stdin")))
    elif kind == "folder":
        path.mkdir()
    elif kind == "unreadable link":
        path.symlink_to(path)
    return None, kind


def run_case(case: Case, model: Path) -> Outcome:
    """Put a case through its command; in a process of its own, that this function ends."""
    from cyclopts import CycloptsError

    import babelift.translation.job
    from babelift.cli.app import app
    from babelift.errors import BabeliftError
    from babelift.testing import FunctionTranslator

    # The same way as any translator's, without the time that a real one takes.
    shouting = FunctionTranslator(lambda text, source, target: f"{text.upper()}!")
    babelift.translation.job.load_translator = lambda *_, **__: shouting

    out = case.path.with_name(f"out{case.out}")
    fixed = ["--out", str(out), "--max-rejects", "1"]
    arguments = {
        "translate": [case.command, str(case.path), "--to", "de", "--translator", "mini", *fixed],
        "predict": [case.command, str(model), str(case.path), *fixed],
    }
    try:
        app(arguments[case.command], exit_on_error=False, print_error=False)
    except SystemExit as ended:
        if ended.code:
            return Outcome("traceback", f"ended with {ended.code}")
    except (BabeliftError, CycloptsError) as error:
        return Outcome("refused", f"{type(error).__name__}: {error}")
    except BaseException:
        return Outcome("traceback", traceback.format_exc())
    rejects = out.with_name(f"{out.name}.rejects.jsonl")
    rejected = len(rejects.read_bytes().splitlines()) if rejects.exists() else 0
    report = json.loads(out.with_name(f"{out.name}.report.json").read_bytes())
    pairs = report.get("pairs")
    claimed = report["rows"] if pairs is None else sum(pair["kept"] for pair in pairs.values())
    written = _height(out)
    if claimed != written:
        return Outcome("traceback", f"the report has {claimed} rows, the file {written}")
    return Outcome("written", "", written, rejected)


def _height(out: Path) -> int:
    import polars as pl

    if out.suffix == ".parquet":
        return pl.read_parquet(out).height
    if out.suffix == ".jsonl":
        return len(out.read_bytes().splitlines())
    with out.open(encoding="utf-8", newline="") as file:
        csv.field_size_limit(2**31 - 1)
        return sum(1 for _ in csv.reader(file)) - 1


def in_a_process(work: Callable[[], Outcome], seconds: float = SECONDS + 5) -> Outcome:
    """Do work in a forked process, which is killed when it takes too long.

    The parent never computes anything with polars or torch, whose threads a fork would lose.
    """
    reading, writing = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if not child:
        os.close(reading)
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 2 * BYTES, size + 2 * BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            done = work()
            told = [done.status, done.message[-3000:], done.out, done.rejects]
        except BaseException as error:  # no error of the command, which are told as such
            told = ["traceback", "".join(traceback.format_exception(error))[-3000:], 0, 0]
        with suppress(OSError, MemoryError):
            os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    ended = 0
    while not ended and time.monotonic() - begun < seconds:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        time.sleep(0 if ended else 0.005)
    if not ended:
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    spent = {"seconds": time.monotonic() - begun, "peak": usage.ru_maxrss * 1024}
    if not answer:
        return Outcome("traceback", f"ended with status {status}", **spent)
    return Outcome(*json.loads(answer), **spent)


def _make_model(folder: Path) -> Outcome:
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.support import tiny_classifier

    tiny_classifier(folder, ["bad", "good"])
    return Outcome("written")


def run(numbers: Iterable[int], folder: Path) -> Iterator[tuple[int, Case, Outcome]]:
    """Each case with its outcome, one after the other."""
    import babelift.corpus
    import babelift.translation

    # All that a child needs is imported once: a process then takes a fraction of a second.
    names = ["babelift.cli.translate", "babelift.cli.predict", "babelift.prediction.job"]
    for package in (babelift.corpus, babelift.translation):
        prefix = f"{package.__name__}."
        names += [found.name for found in pkgutil.iter_modules(package.__path__, prefix)]
    for name in (*names, "torch", "pyarrow.parquet", "pyarrow.csv", "rich.console"):
        with suppress(ImportError):  # of an extra that is not installed
            import_module(name)
    os.environ["BABELIFT_CACHE"] = str(folder / "cache")
    model = folder / "model"
    made = in_a_process(lambda: _make_model(model), 300)
    if made.status != "written":
        sys.exit(f"no model could be made: {made.message}")
    from babelift.prediction.model import open_classifier

    open_classifier(model)  # imports what transformers imports on use
    for number in numbers:
        place = folder / f"case-{number}"
        place.mkdir()
        case = make_case(number, place)
        yield number, case, in_a_process(lambda case=case: run_case(case, model))
        shutil.rmtree(place)


def main() -> None:
    """Run cases and say what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="number of the first case")
    parser.add_argument("--only", type=int, help="run one case, and show what became of it")
    options = parser.parse_args()
    numbers = range(options.seed, options.seed + options.cases)
    if options.only is not None:
        numbers = range(options.only, options.only + 1)
    counts: Counter[str] = Counter()
    slowest, largest = 0.0, 0
    with tempfile.TemporaryDirectory(prefix="babelift-fuzz-") as folder:
        for number, case, outcome in run(numbers, Path(folder)):
            wrong = verdicts(case, outcome)
            counts.update([outcome.status, *({"wrong"} if wrong else ()), *wrong])
            slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.peak)
            if wrong or options.only is not None:
                print(f"case {number}: {', '.join(wrong) or 'fine'}: {case.command} {case.what}")
                print(f"  {case.rows} rows: {outcome}".replace("\\n", "\n  "), flush=True)
    print(
        f"{len(numbers)} cases: {counts['written']} written, {counts['refused']} refused; slowest "
        f"{slowest:.1f} s, largest {largest / 2**30:.2f} GiB"
    )
    print(
        f"{counts['traceback']} tracebacks, {counts['slow']} slow, {counts['large']} large, "
        f"{counts['unbalanced']} unbalanced"
    )
    sys.exit(bool(counts["wrong"]))


if __name__ == "__main__":
    main()
