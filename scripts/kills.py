"""Kills every long command at many moments, starts it again, and compares with a run left alone.

    python scripts/kills.py [--kills 10] [--commands translate fit predict study] [--folder DIR]

For each command and signal a run is killed `--kills` times, each time a little later after its
start, and the same command is given again until it ends. Its files must then be those of a run that
nothing disturbed: the same names, and the same bytes but for what tells times. Nobody may see
a traceback. Where a run ends before the signal comes, it is compared and a new one is begun.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
ROWS = 60
LONGEST = 600
"""Seconds that a command may take."""

SMALL = ["--max-length", "24", "--batch-size", "8", "--encoder", "scratch"]
FIT = ["--to", "de", "--translator", "mini", "--steps", "12", "--checkpoint-every", "3", *SMALL]
COMMANDS = {
    "translate": ["translate", "in.jsonl", "--to", "de", "fr", "--translator", "mini",
                  "--batch-tokens", "64", "--out", "out/out.jsonl"],
    "fit": ["fit", "in.jsonl", "--label", "stars", *FIT, "--out", "out/run"],
    "predict": ["predict", "model", "many.jsonl", "--batch-size", "4", "--out", "out/out.csv"],
    "study": ["study", "study.yaml", "--out", "out/study", "--store", "out/store", "--workers",
              "1"],
}  # fmt: skip
STUDY = {
    "train": "train.jsonl", "test": "{lang}.jsonl", "text": "text", "label": "label",
    "sources": ["en"], "targets": ["de"], "arms": ["zero-shot", "translated"],
    "translators": {"mini": "mini"}, "encoders": {"small": "scratch"}, "seeds": 1,
    "quality": "keep",
    "settings": {"steps": 8, "batch_size": 8, "max_length": 24, "checkpoint_every": 3},
    "primary": {"arm": "translated", "over": "zero-shot"},
}  # fmt: skip

TIMES = {
    "command", "cost", "created", "duplicates", "energy_joules", "finished", "from_memory",
    "invocations", "resumed_from", "rows_per_second", "seconds", "stages", "translated",
    "translating",
}  # fmt: skip
"""What JSON files say of when, how long, and how much was there already: left out."""

PAGES = (".html", ".md")
"""Files that tell times in words; of them only the names are compared."""


@dataclass
class Outcome:
    """What came of one command under one signal.

    Attributes:
        kills: Runs that the signal ended.
        codes: How they ended.
        runs: Runs that came to an end, each compared with the one left alone.
        faults: What differed or was seen that nobody should see.
    """

    kills: int = 0
    codes: set[int] = field(default_factory=set)
    runs: int = 0
    faults: list[str] = field(default_factory=list)


def write_inputs(folder: Path) -> None:
    """Write small inputs, made of the reviews that ship with Babelift."""
    sample = files("babelift") / "embedded" / "reviews"
    reviews = {
        lang: [
            json.loads(line) for line in (sample / f"{lang}.jsonl").read_text("utf-8").splitlines()
        ]
        for lang in ("en", "de")
    }
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "in.jsonl", reviews["en"][:ROWS])
    many = [
        {"id": f"{n}-{row['id']}", "text": row["text"]} for n in range(2) for row in reviews["en"]
    ]
    _write(folder / "many.jsonl", many)
    for lang, rows in reviews.items():
        kept = [
            {"id": row["id"], "text": row["text"], "label": "good" if row["stars"] > 3 else "bad"}
            for row in rows
        ]
        if lang == "en":
            _write(folder / "train.jsonl", kept[:ROWS])
        _write(folder / f"{lang}.jsonl", kept[ROWS:])
    (folder / "study.yaml").write_text(json.dumps(STUDY))


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def start(command: str, inputs: Path, folder: Path) -> "subprocess.Popen[str]":
    """Begin a command in a folder of its own, with a cache of its own."""
    if not folder.is_dir():
        shutil.copytree(inputs, folder)
        (folder / "out").mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "babelift", *COMMANDS[command]],
        cwd=folder,
        env={**os.environ, "BABELIFT_CACHE": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell's background jobs ignore it, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait(process: "subprocess.Popen[str]") -> str:
    """What a run said, once it has ended with everything it started."""
    said, _ = process.communicate(timeout=LONGEST)
    return said


def output(folder: Path) -> dict[str, bytes]:
    """What the files say that a command left, times left out."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted((folder / "out").rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


def _content(path: Path) -> bytes:
    if path.suffix in PAGES:
        return b""
    if path.suffix == ".json":
        return json.dumps(_timeless(json.loads(path.read_bytes()))).encode()
    if path.name == "log.jsonl":
        lines = [_timeless(json.loads(line)) for line in path.read_bytes().splitlines()]
        return json.dumps(lines).encode()
    return path.read_bytes()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key not in TIMES}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def differences(whole: dict[str, bytes], killed: dict[str, bytes]) -> list[str]:
    """The files that are not the same in two outputs.

    >>> differences({"a": b"1", "b": b"", "c": b""}, {"a": b"2", "b": b"", "d": b""})
    ['a differs', 'c is missing', 'd is left over']
    """
    faults = [f"{name} differs" for name in whole if killed.get(name, whole[name]) != whole[name]]
    faults += [f"{name} is missing" for name in whole.keys() - killed.keys()]
    return faults + [f"{name} is left over" for name in killed.keys() - whole.keys()]


def disturb(
    command: str, name: signal.Signals, kills: int, inputs: Path, folder: Path, whole: "Whole"
) -> Outcome:
    """Kill a command so many times, and compare what it makes in the end."""
    outcome, chance, number = Outcome(), random.Random(f"{command} {name}"), 0
    place = folder / f"{command}-{name.name}"
    for moment in range(2 * kills):  # some come too late: the run has ended
        if outcome.kills == kills:
            break
        process = start(command, inputs, place / str(number))
        try:
            after = (moment % kills + chance.random()) / kills * whole.seconds
            process.wait(timeout=after)
        except subprocess.TimeoutExpired:
            outcome.kills += 1
            # A terminal's Ctrl-C reaches every process of the command.
            (os.killpg if name == signal.SIGINT else os.kill)(process.pid, name)
        said = wait(process)
        outcome.faults += _seen(said)
        if process.returncode:
            outcome.codes.add(process.returncode)
        else:
            outcome.runs += 1
            outcome.faults += differences(whole.files, output(place / str(number)))
            number += 1
    process = start(command, inputs, place / str(number))
    said = wait(process)
    outcome.faults += _seen(said)
    outcome.runs += 1
    if process.returncode:
        outcome.faults.append(f"the last run ended with {process.returncode}: {said[-500:]}")
    outcome.faults += differences(whole.files, output(place / str(number)))
    return outcome


def _seen(said: str) -> list[str]:
    # A trace of Python's own start, before any of our code, is nothing that a program can prevent.
    ours = "Traceback" in said and "babelift" in said.partition("Traceback")[2]
    return [f"traceback: {said[-1500:]}"] if ours else []


@dataclass(frozen=True)
class Whole:
    """A run that nothing disturbed.

    Attributes:
        files: What it left, as `output` gives it.
        seconds: How long it took.
    """

    files: dict[str, bytes]
    seconds: float


def undisturbed(command: str, inputs: Path, folder: Path) -> Whole:
    """Do a command from beginning to end."""
    started = time.perf_counter()
    process = start(command, inputs, folder)
    said = wait(process)
    if process.returncode:
        raise SystemExit(f"{command} fails undisturbed: {said}")
    return Whole(output(folder), time.perf_counter() - started)


def prepare(folder: Path, commands: Sequence[str]) -> Path:
    """The inputs, with the model that is predicted with where that is asked."""
    inputs = folder / "inputs"
    write_inputs(inputs)
    if "predict" in commands:
        undisturbed("fit", inputs, folder / "model")
        shutil.copytree(folder / "model" / "out" / "run" / "model", inputs / "model")
    return inputs


def main() -> None:
    """Print a table; end with 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        folder = (options.folder or Path(temporary)).absolute()
        inputs = prepare(folder, options.commands)
        print("command    signal   killed  ended with  compared  faults", flush=True)
        faults: list[str] = []
        for command in options.commands:
            whole = undisturbed(command, inputs, folder / f"{command}-whole")
            for name in SIGNALS:
                outcome = disturb(command, name, options.kills, inputs, folder, whole)
                codes = " ".join(map(str, sorted(outcome.codes)))
                print(
                    f"{command:10} {name.name:8} {outcome.kills:6}  {codes:10}  {outcome.runs:8}  "
                    f"{len(outcome.faults):6}",
                    flush=True,
                )
                faults += [f"{command}, {name.name}: {fault}" for fault in outcome.faults]
        print("\n".join(dict.fromkeys(faults)) or "every run ended with the same files")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
