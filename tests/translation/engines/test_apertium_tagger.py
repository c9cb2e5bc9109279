"""The stand-in for apertium-tagger: one answer per text, and a new tagger after a taint."""

import subprocess
import sys
from pathlib import Path

import pytest

from babelift.translation.engines import apertium_tagger
from babelift.translation.engines.apertium_tagger import Tagger

# Answers each text with how many it has had, and complains as the real one does.
TAGGER = r"""
import os, sys
assert sys.argv[1] == "--debug", sys.argv
data, had = b"", 0
while chunk := os.read(0, 65536):
    *frames, data = (data + chunk).split(b"\0")
    for frame in frames:
        if frame == b"crash":
            sys.exit("out of data")
        had += 1
        if b"taint" in frame:
            os.write(2, b"Error: A new ambiguity class was found. \nWord 'till'.\n")
        if b"grumble" in frame:
            os.write(2, b"Warning: There is not coarse tag for the fine tag\n")
        os.write(1, b"%d " % had + frame + b"\0")
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    program = tmp_path / "apertium-tagger"
    program.write_text(f"#!{sys.executable} -S\n{TAGGER}")
    program.chmod(0o755)
    return [str(program), "-z", "-g", "x.prob"]


def run(command: list[str], texts: list[bytes]) -> subprocess.CompletedProcess[bytes]:
    script = [sys.executable, "-I", "-S", apertium_tagger.__file__]
    return subprocess.run(
        [*script, *command],
        input=b"".join(text + b"\0" for text in texts),
        capture_output=True,
        check=False,
        timeout=30,
    )


def test_a_tagger_is_kept_until_a_text_taints_it(command: list[str]) -> None:
    done = run(command, [b"a", b"b", b"taint", b"c", b"grumble", b"d"])
    assert done.stdout.split(b"\0") == [
        b"1 a", b"2 b", b"3 taint", b"1 c", b"2 grumble", b"3 d", b"",
    ]  # fmt: skip
    assert done.returncode == 0


def test_a_text_larger_than_the_pipes_passes(command: list[str]) -> None:
    tagger = Tagger(command)
    text = b"x" * 1_000_000 + b"\0"
    assert tagger.tag(text) == b"1 " + text
    tagger.close()
    tagger.close()


def test_a_tagger_that_ends_ends_the_stage_with_its_last_words(command: list[str]) -> None:
    done = run(command, [b"a", b"crash", b"b"])
    assert done.stdout == b"1 a\0"
    assert done.returncode == 1
    assert b"out of data" in done.stderr
    assert b"Traceback" not in done.stderr
