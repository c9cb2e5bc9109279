"""Twenty-odd kinds of bad input: each a clear error or a counted reject, never a traceback."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = "".join(f"{n},{'good' if n % 2 else 'bad'} thing {n},{n % 2},en\n" for n in range(200))
HEADER = "id,text,label,lang\n"
LEXICON = "source_lang,target_lang,source,target\nen,de,good,gut\nen,de,bad,schlecht\n"


@pytest.fixture
def lexicon(tmp_path: Path) -> str:
    file = tmp_path / "words.csv"
    file.write_text(LEXICON)
    return f"lexicon:{file}"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# name of the case, file name, content, words that the error must hold
WHOLE_FILE = [
    ("an empty file", "t.csv", "", ["t.csv", "empty"]),
    ("a header and nothing else", "t.csv", HEADER, ["t.csv", "no rows"]),
    ("UTF-16", "t.csv", (HEADER + GOOD).encode("utf-16"), ["t.csv", "UTF-16"]),
    ("a corrupt gzip", "t.jsonl.gz", b"\x1f\x8b\x08\x00broken", ["t.jsonl.gz"]),
    ("a broken parquet", "t.parquet", b"PAR1 no", ["t.parquet"]),
    ("an unknown ending", "t.xlsx", b"PK\x03\x04", ["t.xlsx", ".csv"]),
    ("binary rubbish", "t.csv", bytes(range(256)) * 40, ["t.csv"]),
    ("no text column", "t.csv", "a,b\n1,2\n", ["t.csv", "--text"]),
    ("no language", "t.csv", "text,label\ngood,1\nbad,0\n", ["t.csv", "--lang"]),
    (
        "broken JSON lines",
        "t.jsonl",
        '{"text": "a"\n{"text"\n',
        ["t.jsonl", "none of its 2 rows", "not JSON"],
    ),
]


@pytest.mark.parametrize(
    ("name", "content", "words"), [case[1:] for case in WHOLE_FILE], ids=[c[0] for c in WHOLE_FILE]
)
def test_a_file_that_cannot_be_used_is_named(
    babelift: Callable, tmp_path: Path, lexicon: str, name: str, content: str, words: list[str]
) -> None:
    file = write(tmp_path / name, content)
    result = babelift(
        "translate", file, "--to", "de", "--translator", lexicon, "--out", "o.parquet"
    )
    assert result.code == 1
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err
    assert not (tmp_path / "o.parquet").exists()
    assert file.read_bytes() == (content if isinstance(content, bytes) else content.encode())


# name of the case, one bad line of CSV, the rejected field
BAD_ROWS = [
    ("too many fields", "900,a,b,1,en,extra\n", None),
    ("too few fields", "900,a\n", None),
    ("an empty text", "900,,1,en\n", "text"),
    ("a text of spaces", "900,   ,1,en\n", "text"),
    ("an unknown language", "900,fine,1,jp\n", "lang"),
    ("a missing language", "900,fine,1,\n", "lang"),
    ("a duplicate id", "7,fine,1,en\n", "id"),
    ("a NUL byte", "900,fi\x00ne,1,en\n", "text"),
    ("bytes that are not UTF-8", b"900,caf\xe9,1,en\n", "text"),
]


@pytest.mark.parametrize(
    ("line", "field"), [case[1:] for case in BAD_ROWS], ids=[case[0] for case in BAD_ROWS]
)
def test_a_bad_row_is_counted_and_the_rest_goes_on(
    babelift: Callable, tmp_path: Path, lexicon: str, line: str | bytes, field: str | None
) -> None:
    bad = line if isinstance(line, bytes) else line.encode()
    file = write(tmp_path / "t.csv", (HEADER + GOOD).encode() + bad)
    result = babelift("translate", file, "--to", "de", "--translator", lexicon, "--out", "o.jsonl")
    assert result.code == 0, result.err
    rejects = [json.loads(row) for row in (tmp_path / "o.jsonl.rejects.jsonl").open()]
    assert len(rejects) == 1
    assert rejects[0]["row"] == 202
    assert rejects[0]["file"].endswith("t.csv")
    assert rejects[0]["field"] == field
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 200


def test_too_many_bad_rows_stop_the_run_before_any_work(
    babelift: Callable, tmp_path: Path, lexicon: str
) -> None:
    file = write(tmp_path / "t.csv", HEADER + GOOD + "900,,1,en\n" * 3)
    result = babelift(
        "translate", file, "--to", "de", "--translator", lexicon, "--out", "o.parquet"
    )
    assert result.code == 1
    assert "3 of 203" in result.err
    assert "--max-rejects" in result.err
    assert not (tmp_path / "o.parquet").exists()


def test_marks_emoji_and_enormous_texts_pass_through(
    babelift: Callable, tmp_path: Path, lexicon: str
) -> None:
    texts = ["\u200fgood\u200e שלום", "good 👩‍👩‍👧 bad", "good " * 20_000]
    rows = [
        {"id": str(n), "text": text, "label": "1", "lang": "en"} for n, text in enumerate(texts)
    ]
    file = write(tmp_path / "t.jsonl", "\n".join(json.dumps(row) for row in rows))
    result = babelift("translate", file, "--to", "de", "--translator", lexicon, "--out", "o.jsonl")
    assert result.code == 0, result.err
    made = [json.loads(row)["text"] for row in (tmp_path / "o.jsonl").open()]
    assert "\u200f" in made[0]
    assert "👩‍👩‍👧" in made[1]
    assert made[2].count("gut") == 20_000


def fit(babelift: Callable, tmp_path: Path, table: Path, *more: str | Path) -> str:
    """The error of a `babelift fit` that must not get anywhere."""
    flags = {"--to": "de", "--encoder": "scratch", "--steps": "1", "--out": "run"}
    flags |= dict(zip(more[::2], more[1::2], strict=True))
    result = babelift("fit", table, *[word for pair in flags.items() for word in pair])
    assert result.code in (1, 2)
    assert "Traceback" not in result.err
    assert not (tmp_path / "run" / "model").exists()
    return result.err


def test_one_class_only(babelift: Callable, tmp_path: Path, lexicon: str) -> None:
    rows = "".join(f"{n},good {n},1,en\n" for n in range(30))
    error = fit(
        babelift, tmp_path, write(tmp_path / "t.csv", HEADER + rows), "--translator", lexicon
    )
    assert "at least two labels" in error


def test_labels_in_test_that_training_lacks(
    babelift: Callable, tmp_path: Path, lexicon: str
) -> None:
    table = write(tmp_path / "t.csv", HEADER + GOOD)
    test = write(tmp_path / "test.csv", HEADER + "x1,some text here,2,en\n")
    error = fit(babelift, tmp_path, table, "--test", test, "--translator", lexicon)
    assert "'2'" in error


def test_a_directory_instead_of_a_file(babelift: Callable, tmp_path: Path, lexicon: str) -> None:
    (tmp_path / "folder").mkdir()
    assert "folder" in fit(babelift, tmp_path, tmp_path / "folder", "--translator", lexicon)


def test_a_file_that_is_not_there(babelift: Callable, tmp_path: Path, lexicon: str) -> None:
    assert "nowhere.csv" in fit(babelift, tmp_path, Path("nowhere.csv"), "--translator", lexicon)


def test_no_permission_to_write(babelift: Callable, tmp_path: Path, lexicon: str) -> None:
    table = write(tmp_path / "t.csv", HEADER + GOOD)
    error = fit(babelift, tmp_path, table, "--translator", lexicon, "--out", "/proc/run")
    assert "/proc/run" in error


def test_an_output_that_exists_is_not_overwritten(
    babelift: Callable, tmp_path: Path, lexicon: str
) -> None:
    table = write(tmp_path / "t.csv", HEADER + GOOD)
    result = babelift("translate", table, "--to", "de", "--translator", lexicon, "--out", table)
    assert result.code == 1
    assert table.read_text() == HEADER + GOOD


def test_a_cache_that_cannot_be_used(
    babelift: Callable, tmp_path: Path, lexicon: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BABELIFT_CACHE", str(write(tmp_path / "file", "x")))
    table = write(tmp_path / "t.csv", HEADER + GOOD)
    error = fit(babelift, tmp_path, table, "--translator", lexicon)
    assert "BABELIFT_CACHE" in error


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--to", "jp"], "did you mean 'ja'"),
        (["--from", "fr"], "no labelled rows in 'fr'"),
        (["--from", "de"], "both"),
        (["--translator", "m2m10"], "m2m100"),
        (["--encoder", "distilbert-multilingul"], "distilbert-multilingual"),
        (["--text", "texxt"], "text"),
        (["--ratio", "1to1"], "1:1"),
        (["--config", "nothing.yaml"], "nothing.yaml"),
        (["--dataset", "mark"], "marc"),
    ],
)
@pytest.mark.filterwarnings("ignore::babelift.translation.advice.PoorTranslationsWarning")
def test_a_setting_that_cannot_be_used_says_what_can(
    babelift: Callable, tmp_path: Path, lexicon: str, flags: list[str], words: str
) -> None:
    table = write(tmp_path / "t.csv", HEADER + GOOD)
    assert words in fit(babelift, tmp_path, table, "--translator", lexicon, *flags)


def test_a_table_of_translations_that_lacks_a_sentence(babelift: Callable, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", HEADER + GOOD)
    row = {"source_lang": "en", "target_lang": "de", "source_text": "x", "target_text": "y"}
    made = write(tmp_path / "made.jsonl", json.dumps(row))
    assert "thing" in fit(babelift, tmp_path, table, "--translator", f"table:{made}")


def test_a_translator_program_that_dies(babelift: Callable, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", HEADER + GOOD)
    error = fit(babelift, tmp_path, table, "--translator", "command:sh -c 'echo oops >&2; exit 3'")
    assert "oops" in error


def test_gzip_is_read_like_plain_text(babelift: Callable, tmp_path: Path, lexicon: str) -> None:
    file = tmp_path / "t.csv.gz"
    file.write_bytes(gzip.compress((HEADER + GOOD).encode()))
    result = babelift("translate", file, "--to", "de", "--translator", lexicon, "--out", "o.csv")
    assert result.code == 0, result.err
