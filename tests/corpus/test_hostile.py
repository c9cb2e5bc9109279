"""Whatever bytes a file holds, reading gives rows or one of Babelift's errors."""

import gzip
import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from babelift.config import Table
from babelift.corpus import Corpus, read_corpus
from babelift.corpus.rejects import REJECTS
from babelift.corpus.rows import SCHEMA
from babelift.errors import BabeliftError

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def outcome(name: str, data: bytes, **table: str) -> Corpus | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        message = ""
        try:
            corpus = read_corpus([path], Table(**table))
        except BabeliftError as error:
            message = str(error)
    if message:
        assert name in message
        return None
    check(corpus)
    return corpus


def check(corpus: Corpus) -> None:
    rows = corpus.rows
    assert dict(list(rows.schema.items())[: len(SCHEMA)]) == SCHEMA
    assert dict(corpus.rejects.schema) == REJECTS
    assert rows["id"].is_unique().all()
    for name in ("id", "group_id", "text", "label", "lang", "origin", "original_id"):
        assert rows[name].null_count() == 0
    assert rows["text"].str.strip_chars().str.len_chars().min() != 0


@QUICK
@given(
    st.binary(max_size=300), st.sampled_from(["csv", "tsv", "jsonl", "json", "csv.gz", "parquet"])
)
@example(b"PAR1PAR1", "parquet")
@example(b"\x1f\x8b\x08\x00", "csv.gz")
@example(b"[" * 100_000, "jsonl")
@example(b"[1, 2, {}]", "json")
@example(b'{"text": 1' + b"0" * 5000 + b"}", "jsonl")
@example(b"\xff\xfet\x00e\x00x\x00t\x00", "csv")
def test_random_bytes_never_give_a_traceback(data: bytes, ending: str) -> None:
    outcome(f"table.{ending}", data, lang="en")


PIECES = st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\t", b";", b"a", b"\xe9", b"\xc3\xa9", b"\x00",
     b"\xe2\x80\xae", b"\xf0\x9f\x98\x80", b" ", b"5", b"text", b"\\"]
)  # fmt: skip


@QUICK
@given(st.lists(PIECES, max_size=60), st.sampled_from(["csv", "tsv"]))
def test_random_delimited_text_never_gives_a_traceback(pieces: list[bytes], ending: str) -> None:
    head = b"text,label\n" if ending == "csv" else b"text\tlabel\n"
    outcome(f"table.{ending}", head + b"".join(pieces), lang="en")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECT = st.fixed_dictionaries(
    {"text": JSON, "label": JSON},
    optional={"lang": JSON, "id": JSON, "group_id": JSON, "split": JSON, "score": JSON, "": JSON},
)


@QUICK
@given(st.lists(OBJECT | JSON, max_size=6))
def test_random_json_objects_never_give_a_traceback(objects: list[object]) -> None:
    lines = "\n".join(json.dumps(found) for found in objects)
    outcome("table.jsonl", lines.encode(), lang="en")


@settings(QUICK, max_examples=50)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(SCHEMA, JSON)), min_size=1, max_size=4))
def test_a_mangled_table_of_babelifts_own_form_never_gives_a_traceback(
    objects: list[dict[str, object]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.jsonl"
        path.write_text("\n".join(json.dumps(found) for found in objects), encoding="utf-8")
        try:
            rows = read_corpus([path], Table(), labelled=False).rows
        except BabeliftError:
            return
    assert rows["id"].is_unique().all()
    assert rows["origin"].is_in(["original", "machine", "reference", "roundtrip"]).all()


@QUICK
@given(st.data())
def test_a_damaged_parquet_file_never_gives_a_traceback(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole.parquet"
        pl.DataFrame({"text": ["a", "b"], "label": [1, 2]}).write_parquet(path)
        whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    byte = bytes([data.draw(st.integers(0, 255))])
    damaged = whole[:place] if cut else whole[:place] + byte + whole[place + 1 :]
    outcome("table.parquet", damaged, lang="en")


@pytest.mark.parametrize("cut", [5, 20, 35])
def test_a_gzip_file_that_was_cut_off_is_named(cut: int) -> None:
    assert outcome("table.csv.gz", gzip.compress(b"text,label\na,1\n" * 9)[:cut], lang="en") is None
