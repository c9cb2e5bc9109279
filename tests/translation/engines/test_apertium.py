"""Apertium: real translations where it is installed, and its faults with a made-up one."""

import gzip
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from babelift.config import Translating
from babelift.errors import ConfigError, LanguageError, MissingDependencyError, TranslationError
from babelift.translation.engines.apertium import Apertium, load
from babelift.translation.protocol import Translator

SETTINGS = Translating()


def translate(apertium: Apertium, texts: list[str], source: str, target: str) -> list[str | None]:
    return [answer.text for answer in apertium.translate(texts, source, target)]


# --- The real one ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def apertium() -> Iterator[Apertium]:
    try:
        apertium = load("", SETTINGS)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    if len(apertium.pairs()) < 6:
        pytest.skip(f"only {sorted(apertium.pairs())} are installed")
    yield apertium
    apertium.close()


def test_it_is_a_translator_of_six_pairs(apertium: Apertium) -> None:
    assert isinstance(apertium, Translator)
    three = ("en", "es", "fr")
    assert apertium.pairs() == {(a, b) for a in three for b in three if a != b}
    assert apertium.license == "GPL-2.0-only"
    assert apertium.unit == "text"


@pytest.mark.parametrize(
    ("source", "target", "text", "translation"),
    [
        ("en", "es", "The house is big.", "La casa es grande."),
        ("es", "en", "La casa es grande.", "The house is big."),
        ("es", "fr", "La casa es grande.", "La maison est grande."),
        ("fr", "es", "La maison est grande.", "La casa es grande."),
        ("en", "fr", "The house is big.", "La maison est grande."),
        ("fr", "en", "La maison est grande.", "The house is big."),
    ],
)
def test_every_pair_translates(
    apertium: Apertium, source: str, target: str, text: str, translation: str
) -> None:
    assert translate(apertium, [text], source, target) == [translation]


def test_literals_and_line_breaks_survive_and_unknown_words_bear_no_mark(
    apertium: Apertium,
) -> None:
    text = (
        " @user: I love the #cats & the [zorkel] at https://t.co/a_b 😂\n\n"
        "The {house} is *big*, C# ~ 5 < 6 \\o/ $5 ^_^ \t"
    )
    assert translate(apertium, [text], "en", "es") == [
        " @user: Quiero el #cats & el [zorkel] en https://t.co/a_b 😂\n\n"
        "La {casa} es *grande*, C# ~ 5 < 6 \\o/ $5 ^_^ \t"
    ]


HOSTILE = [
    "",
    " ",
    "\n\n\t ",
    "\0",
    "a\0b",
    "\\[]{}^$/<>@*#~" * 50,
    "^",
    "$",
    "[",
    "]",
    "\\",
    "[[t:b:abc]]x[[/]]",
    "[<STREAMCMD:SETVAR:x>]",
    "^house<n><sg>$",
    "\u0301",
    "\u200f\u200e\u202e",
    "\ud800",
    "😂" * 1000,
    "猫が好き",
    "The house is big. " * 1000,
    "x" * 20_000,
    "\r\nThe house\r\n",
    "<b>The house</b> &nbsp;",
]


def test_hostile_texts_neither_break_the_chain_nor_each_other(apertium: Apertium) -> None:
    texts = [text for hostile in HOSTILE for text in (hostile, "The house is big.")]
    answers = translate(apertium, texts, "en", "es")
    assert answers[1::2] == ["La casa es grande."] * len(HOSTILE)
    assert answers[0:8:2] == ["", " ", "\n\n\t ", " "]
    assert None not in answers
    assert all("\0" not in str(answer) for answer in answers)
    found = dict(zip(HOSTILE, answers[::2], strict=True))
    assert found["\\[]{}^$/<>@*#~" * 50] == "\\[]{}^$/<>@*#~" * 50
    assert found["😂" * 1000] == "😂" * 1000
    assert found["\r\nThe house\r\n"] == "\r\nLa casa\r\n"
    assert found["<b>The house</b> &nbsp;"] == "<b>La casa</b> &nbsp;"
    assert found["The house is big. " * 1000] == "La casa es grande. " * 1000
    assert apertium.failed == 0


def test_a_text_of_100_000_characters_with_line_breaks_passes(apertium: Apertium) -> None:
    text = "The house is big.\n" * 5600
    assert translate(apertium, [text], "en", "es") == ["La casa es grande.\n" * 5600]


def tweets(data_dir: Path, lang: str, number: int) -> list[str]:
    with gzip.open(data_dir / "umsab" / f"{lang}.train.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for _, line in zip(range(number), file, strict=False)]


@pytest.mark.parametrize(("source", "target"), [("en", "es"), ("en", "fr"), ("es", "en")])
def test_mentions_tags_addresses_and_emoji_of_real_tweets_survive_in_order(
    apertium: Apertium, data_dir: Path, source: str, target: str
) -> None:
    texts = tweets(data_dir, source, 300)
    kept = re.compile(r"(?<!\w)[@#]\w+|https?://\S+|[@#*~]|[\U0001f300-\U0001faff]|\n")
    answers = translate(apertium, texts, source, target)
    for text, answer in zip(texts, answers, strict=True):
        assert answer is not None
        assert kept.findall(answer) == kept.findall(text)
        assert "  " not in answer.strip() or "  " in text.strip()
    changed = sum(text != answer for text, answer in zip(texts, answers, strict=True))
    assert changed > 290


def test_a_translation_does_not_depend_on_what_was_translated_before(
    apertium: Apertium, data_dir: Path
) -> None:
    texts = tweets(data_dir, "en", 150)
    forwards = translate(apertium, texts, "en", "es")
    assert translate(apertium, texts[::-1], "en", "es") == forwards[::-1]
    fresh = load("", SETTINGS)
    assert translate(fresh, texts[75:80], "en", "es") == forwards[75:80]
    fresh.close()


def test_overlapping_calls_for_one_pair_do_not_mix(apertium: Apertium) -> None:
    one = apertium.translate(["A house.", "Two houses."], "en", "es")
    other = apertium.translate(["A cat.", "Two cats."], "en", "es")
    assert [next(one).text, next(other).text, next(one).text, next(other).text] == [
        "Una casa.", "Un gato.", "Dos casas.", "Dos gatos.",
    ]  # fmt: skip


def test_the_fingerprint_is_the_same_on_every_load(apertium: Apertium) -> None:
    assert load("", SETTINGS).fingerprint == apertium.fingerprint


# --- A made-up one --------------------------------------------------------------------------------

STAGE = r"""
import os, re, sys, time
data = b""
while chunk := os.read(0, 65536):
    *frames, data = (data + chunk).split(b"\0")
    for frame in frames:
        if b"crash" in frame: sys.exit(5)
        if b"hang" in frame: time.sleep(60)
        if b"extra" in frame: frame = b"\0" + frame
        if b"cut" in frame: frame = frame[:4]
        if b"house" in frame: frame = re.sub(b"house", b"casa", frame)
        os.write(1, frame + b"\0")
"""


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one pair, whose only stage obeys the orders that texts are."""
    stage = tmp_path / "stage.py"
    stage.write_text(STAGE)
    programs, modes = tmp_path / "bin", tmp_path / "share" / "apertium" / "modes"
    programs.mkdir()
    modes.mkdir(parents=True)
    program = programs / "apertium-wblank-mode"
    program.write_text('#!/bin/sh\nexec cat "$2"\n')
    program.chmod(0o755)
    (modes / "eng-spa.mode").write_text(f"cat | {sys.executable} -S '{stage}' $1 $2 | cat\n")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("APERTIUM_DATADIR", raising=False)
    return tmp_path


def test_only_installed_pairs_are_offered_and_the_others_explained(made_up: Path) -> None:
    apertium = Apertium()
    assert apertium.pairs() == {("en", "es")}
    with pytest.raises(MissingDependencyError, match=r"lacks the language data for es>fr"):
        apertium.translate(["hola"], "es", "fr")
    with pytest.raises(LanguageError, match=r"cannot translate from 'en' into 'de'"):
        apertium.translate(["hello"], "en", "de")


@pytest.mark.parametrize("order", ["crash", "hang", "extra", "cut"])
def test_a_poisoned_text_has_no_translation_and_the_others_have(made_up: Path, order: str) -> None:
    apertium = Apertium(timeout=0.6)
    texts = ["house 1", "house 2", f"{order} 3", "house 4", "house 5"]
    expected = ["casa 1", "casa 2", None, "casa 4", "casa 5"]
    assert translate(apertium, texts, "en", "es") == expected
    assert apertium.failed == 1
    assert apertium.notes == ("apertium failed twice on 1 texts, which have no translation.",)
    apertium.close()


def test_a_chain_that_fails_on_any_text_is_an_error(made_up: Path) -> None:
    (made_up / "stage.py").write_text("raise SystemExit('data file is damaged')")
    apertium = Apertium()
    with pytest.raises(TranslationError, match=r"en>es fails on any text: .*data file is damaged"):
        translate(apertium, ["house"], "en", "es")
    assert apertium.failed == 0


def test_a_missing_stage_program_names_the_packages(made_up: Path) -> None:
    mode = made_up / "share" / "apertium" / "modes" / "eng-spa.mode"
    mode.write_text("cat | no-such-program-anywhere\n")
    with pytest.raises(MissingDependencyError, match=r"(?s)no-such-program.*apt-get install"):
        translate(Apertium(), ["house"], "en", "es")


def test_the_fingerprint_changes_with_the_data_and_the_mode(made_up: Path) -> None:
    first = Apertium().fingerprint
    with (made_up / "stage.py").open("a") as file:
        file.write("# changed\n")
    second = Apertium().fingerprint
    with (made_up / "share" / "apertium" / "modes" / "eng-spa.mode").open("a") as file:
        file.write("\n")
    third = Apertium().fingerprint
    assert len({first, second, third}) == 3
    assert all(a.startswith("apertium/1:") for a, _ in pairwise((first, second, third)))


def test_nothing_is_left_running_after_close(made_up: Path) -> None:
    apertium = Apertium()
    assert translate(apertium, ["house"], "en", "es") == ["casa"]
    worker = apertium._idle[("en", "es")]
    assert worker._process is not None
    pids = worker._process.pids
    apertium.close()
    apertium.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_without_the_program_the_install_command_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="apt-get install apertium apertium-eng-spa"):
        load("", SETTINGS)


def test_without_any_language_data_the_install_command_is_told(made_up: Path) -> None:
    shutil.rmtree(made_up / "share")
    with pytest.raises(MissingDependencyError, match=r"none of its language pairs in .*/modes"):
        load("", SETTINGS)


def test_an_argument_is_refused() -> None:
    with pytest.raises(ConfigError, match="takes nothing after its name"):
        load("en-es", SETTINGS)
