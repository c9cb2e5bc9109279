"""Translating through a service by the command line: priced before, counted after, no key left."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from babelift.translation.engines import client
from tests.support.service import Service, sends, wait_until

KEY = "sk-Zx9CanaryKey7Qw-0123456789"
LABEL = "Zx9Label"
ROWS = 60


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "pause", lambda seconds, stopped: None)
    for name in ("OPENAI_API_KEY", "LIBRETRANSLATE_API_KEY", "DEEPL_AUTH_KEY"):
        monkeypatch.setenv(name, KEY)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        {"text": f"The lamp number {n} is fine.", "label": f"{LABEL}{n % 2}", "lang": "en"}
        for n in range(ROWS)
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "reviews.csv")
    return tmp_path / "reviews.csv"


def specs(service: Service) -> list[str]:
    return [service.chat, f"libretranslate:{service.url}", f"deepl:{service.url}"]


def check(folder: Path, *printed: str) -> None:
    """No file and nothing that was printed holds the key."""
    for file in folder.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file
    assert all(KEY not in text for text in printed)


def test_a_table_is_priced_translated_and_counted(
    babelift: Callable[..., Any], service: Service, table: Path, cache_folder: Path
) -> None:
    for number, spec in enumerate(specs(service)):
        job = ("translate", table, "--to", "de", "ja", "--translator", spec)
        before = len(service.requests)
        priced = babelift(*job, "--dry-run", "--price-characters", "20")
        assert priced.code == 0, priced.err
        assert len(service.requests) == before
        characters = pl.read_csv(table)["text"].str.len_chars().sum()
        assert f"together: {2 * ROWS} segments, {2 * characters:,} characters" in priced.out
        assert f"price: about {2 * characters * 20 / 1e6:.2f}" in priced.out
        assert not Path(f"{number}.jsonl").exists()

        done = babelift(*job, "--out", f"{number}.jsonl")
        assert done.code == 0, done.err
        said = " ".join(done.err.split())
        assert f"was sent {2 * characters:,} characters and gave {2 * characters:,} in" in said
        report = json.loads(Path(f"{number}.jsonl.report.json").read_bytes())
        [usage] = report["usage"].values()
        assert usage["characters_sent"] == 2 * characters
        words = f"{len(service.translated)} requests" if not number else " requests"
        assert words in priced.out.splitlines()[2]
        rows = pl.read_ndjson(f"{number}.jsonl")
        assert rows.height == 2 * ROWS
        assert set(rows["text"]) == {text.upper() for text in pl.read_csv(table)["text"]}
        service.requests.clear()

        priced = babelift(*job, "--dry-run")
        assert f"{ROWS} segments are in the memory; to send: nothing" in priced.out
        check(table.parent, priced.out, priced.err, done.out, done.err)
        check(cache_folder)


def test_no_label_is_ever_sent(babelift: Callable[..., Any], service: Service, table: Path) -> None:
    for number, spec in enumerate(specs(service)):
        babelift("translate", table, "--to", "de", "--translator", spec, "--out", f"{number}.csv")
    assert len(service.translated) >= 3
    assert not any(LABEL in json.dumps(asked.body) for asked in service.requests)


def test_a_run_is_priced_before_it_begins(
    babelift: Callable[..., Any], service: Service, table: Path, cache_folder: Path
) -> None:
    fit = ("fit", table, "--to", "de", "--translator", service.chat, "--out", "run")
    done = babelift(*fit, "--dry-run", "--price-tokens", "0.15", "0.6")
    assert done.code == 0, done.err
    assert f"en>de: {ROWS - 6:,} rows" in done.out  # but for a tenth that is kept for testing
    assert "tokens sent" in done.out
    assert "price: less than 0.01" in done.out
    half = babelift(*fit, "--dry-run", "--price-tokens", "1000", "1000", "--batch-api")
    whole = babelift(*fit, "--dry-run", "--price-tokens", "1000", "1000")
    price = [
        float(line.split()[2].rstrip(",")) for one in (half, whole)
        for line in one.out.splitlines() if line.startswith("price")
    ]  # fmt: skip
    assert price[0] == pytest.approx(price[1] / 2, abs=0.01)
    assert service.requests == []
    assert not Path("run").exists()
    assert not (cache_folder / "memory.sqlite").exists()
    unknown = babelift(*fit, "--dry-run")
    assert "price: not known; say --price-characters" in unknown.out


def test_a_dry_run_starts_no_program_and_fetches_no_model(
    babelift: Callable[..., Any], table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for translator in (f"command:touch {table.parent}/ran", "m2m100", "hf:some/model"):
        done = babelift("translate", table, "--to", "de", "--translator", translator, "--dry-run")
        assert done.code == 0, done.err
        assert f"en>de: {ROWS} rows" in done.out
        assert "not known before the translator is opened" in done.out
    assert not (table.parent / "ran").exists()
    done = babelift("translate", table, "--to", "de", "--translator", "mini", "--dry-run")
    assert "not known" not in done.out
    missing = babelift("translate", "--dry-run")
    assert missing.code == 1
    assert "no table to translate is given" in missing.err


def test_a_quota_that_ends_in_the_midst_loses_nothing(
    babelift: Callable[..., Any], service: Service, table: Path
) -> None:
    job = ("translate", table, "--to", "de", "--translator", f"deepl:{service.url}",
           "--out", "out.jsonl", "--requests", "1")  # fmt: skip
    service.faults.extend([None, sends(456, {"message": "Quota Exceeded"})])
    stopped = babelift(*job)
    assert stopped.code == 1
    said = " ".join(stopped.err.split())
    assert "refuses the request (456): 'Quota Exceeded'" in said
    assert "was sent" in said
    first = service.translated[0].texts
    assert babelift(*job).code == 0
    sent = [text for asked in service.translated[2:] for text in asked.texts]
    assert sorted([*first, *sent]) == sorted(pl.read_csv(table)["text"])


@pytest.mark.parametrize("quality", ["keep", "drop"])
def test_refusals_are_flagged_counted_and_asked_for_again(
    babelift: Callable[..., Any], service: Service, table: Path, quality: str
) -> None:
    refused = {text for n, text in enumerate(pl.read_csv(table)["text"]) if n % 9 == 4}
    moods = {"willing": False}

    def answer(text: str) -> str:
        if text in refused and not moods["willing"]:
            return "I'm sorry, but I can't translate this text."
        return text.replace("The lamp number", "Die Lampe mit der Nummer").replace("is", "ist")

    service.translate = answer
    job = ("translate", table, "--to", "de", "--translator", service.chat, "--out", "out.jsonl",
           "--quality", quality)  # fmt: skip
    assert babelift(*job).code == 0
    report = json.loads(Path("out.jsonl.report.json").read_bytes())
    counts = report["pairs"]["en>de"]
    assert counts["flags"] == {"error": len(refused)}
    assert report["failed"] == len(refused)
    assert counts["kept"] + counts["dropped"] + counts["missing"] == ROWS
    rows = pl.read_ndjson("out.jsonl")
    assert rows.height == (ROWS if quality == "keep" else ROWS - len(refused))
    service.requests.clear()
    moods["willing"] = True
    assert babelift(*job).code == 0
    assert {text for asked in service.translated for text in asked.texts} == refused
    assert pl.read_ndjson("out.jsonl").height == ROWS


def test_prices_and_patience_change_no_job(
    babelift: Callable[..., Any], service: Service, table: Path
) -> None:
    job = ("translate", table, "--to", "de", "--translator", service.chat, "--out", "out.jsonl")
    assert babelift(*job).code == 0
    again = babelift(*job, "--requests", "2", "--price-characters", "5", "--timeout", "9")
    assert again.code == 0
    assert "is complete already" in again.err


def test_a_key_where_an_address_belongs_is_shown_nowhere(
    babelift: Callable[..., Any], table: Path, cache_folder: Path
) -> None:
    specs = (f"deepl:{KEY}:fx", f"libretranslate:{KEY}", f"openai:gpt@https://me:{KEY}@a.org",
             f"openai:gpt@https://a.org/?k={KEY}")  # fmt: skip
    for spec in specs:
        for command in (("translate",), ("fit", "--encoder", "scratch")):
            out = f"{command[0]}-{specs.index(spec)}.jsonl"
            done = babelift(*command, table, "--to", "de", "--translator", spec, "--out", out)
            assert done.code == 1
            assert "Keys come from the environment alone" in done.err
            check(table.parent, done.out, done.err)
            check(cache_folder)


def start(table: Path, service: Service, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    code = "from babelift.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "translate", str(table), "--to", "de", "--translator",
         service.chat, "--out", str(folder / "out.jsonl"), *more],
        env={**os.environ, "BABELIFT_CACHE": str(folder / "cache")},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_a_service(service: Service, table: Path, tmp_path: Path) -> None:
    service.free.clear()
    process = start(table, service, tmp_path)
    wait_until(lambda: len(service.requests) == 4)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)  # an answer may take 120 seconds
    assert process.returncode == 130
    assert b"run the same command again" in b" ".join(error.split())
