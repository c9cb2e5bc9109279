"""Apertium as one long-lived chain (Babelift) against one `apertium` process per text."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from _data import sentences
from _timing import (
    TIMES,
    against,
    alternate,
    benchmark,
    chosen,
    same,
    table,
    times_as_fast,
)

TEXTS = 20


@dataclass(frozen=True)
class Size:
    """How much is translated.

    Attributes:
        texts: Through the chain alone.
        rounds: Of everything.
    """

    texts: int
    rounds: int


SIZES = {"full": Size(500, rounds=5), "quick": Size(200, rounds=5), "smoke": Size(20, rounds=1)}


def main() -> None:
    """Translate English sentences to Spanish; starting the chain is counted every time."""
    name, size = chosen(SIZES, __doc__)
    if shutil.which("apertium") is None:
        print("apertium: not installed, skipped (apt-get install apertium apertium-eng-spa)\n")
        return
    with benchmark("Apertium: long-lived chain / one process per text", name):
        data = sentences("en")
        print(f"texts: {data.source}, English to Spanish")
        few, many = data.texts[:TEXTS], data.texts[: size.texts]
        rivals: dict[str, Callable[[], list[str]]] = {
            "chain": lambda: chain(few),
            "processes": lambda: [process(text) for text in few],
        }
        timed = alternate(rivals, rounds=size.rounds)
        ours, theirs = timed["chain"], timed["processes"]
        pairs = zip(ours.result, theirs.result, strict=True)
        # The program prints two spaces where a rule left a word out; Babelift mends that.
        equal = sum(mine.split() == other.split() for mine, other in pairs)
        same("words", equal, TEXTS)
        more = alternate({"chain": lambda: chain(many)}, rounds=size.rounds, warm={})["chain"]
        many_ratio = (theirs.median / TEXTS) / (more.median / len(many))
        rows = [
            ["one process per text", str(TEXTS), *theirs.columns, ""],
            ["chain", str(TEXTS), *ours.columns, against(times_as_fast(ours, theirs), None)[0]],
            ["chain", str(len(many)), *more.columns, f"**{many_ratio:.0f}**"],
        ]
        table(["way", "texts", *TIMES, "times as fast per text"], rows)


def chain(texts: list[str]) -> list[str]:
    """Babelift's translator, from its start to its end."""
    from babelift.translation.engines.apertium import Apertium

    translator = Apertium()
    try:
        return [made.text or "" for made in translator.translate(texts, "en", "es")]
    finally:
        translator.close()


def process(text: str) -> str:
    """What one would write first: the program, called with the text; unknown words unmarked."""
    command = ["apertium", "-u", "eng-spa"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")


if __name__ == "__main__":
    main()
