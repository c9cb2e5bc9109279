"""A program of the user's own: the protocol kept, each way of breaking it, and none left behind."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.config import Translating
from babelift.errors import ConfigError, TranslationError
from babelift.translation.engines.command import (
    WINDOW,
    Command,
    LineProcess,
    ProcessError,
    _Call,
    load,
)
from babelift.translation.protocol import Translation, Translator

HEAD = """
import json, os, sys, time
def answer(**values):
    print(json.dumps(values), flush=True)
"""
UPPER = """
for line in sys.stdin:
    asked = json.loads(line)
    answer(id=asked["id"], translation=asked["target_lang"] + " " + asked["text"].upper())
"""

Make = Callable[..., Command]
Start = Callable[..., LineProcess]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes a command of a small Python program."""
    made: list[Command] = []

    def command(program: str, timeout: float = 30.0) -> Command:
        script = tmp_path / f"my translator {len(made)}.py"
        script.write_text(HEAD + program)
        made.append(Command([sys.executable, "-S", str(script)], timeout=timeout))
        return made[-1]

    yield command
    for command_ in made:
        command_.close()


def translate(command: Command, texts: list[str]) -> list[str | None]:
    return [answer.text for answer in command.translate(texts, "en", "de")]


def test_texts_are_translated_in_order_by_one_process(make: Make) -> None:
    command = make("print('started', file=open(__file__ + '.log', 'a'))\n" + UPPER)
    texts = [f"text {number}" for number in range(500)]
    assert translate(command, texts) == [f"de {text.upper()}" for text in texts]
    assert translate(command, ["more"]) == ["de MORE"]
    assert Path(command.arguments[-1] + ".log").read_text() == "started\n"


def test_it_is_a_translator_of_every_pair(make: Make) -> None:
    command = make(UPPER)
    assert isinstance(command, Translator)
    assert command.pairs() is None
    assert (command.name, command.unit, command.license) == ("command", "text", None)


def test_a_command_line_is_split_as_a_shell_would_but_run_by_none(tmp_path: Path) -> None:
    script = tmp_path / "a b.py"
    script.write_text(HEAD + UPPER.replace('asked["target_lang"]', "sys.argv[1]"))
    line = f"{shlex.quote(sys.executable)} '{script}' '$HOME; echo `id`'"
    command = load(line, Translating())
    assert translate(command, ["x"]) == ["$HOME; echo `id` X"]
    command.close()


def test_answers_may_come_in_any_order(make: Make) -> None:
    command = make("""
import itertools
while lines := list(itertools.islice(sys.stdin, 10)):
    for line in reversed(lines):
        asked = json.loads(line)
        answer(id=asked["id"], translation=asked["text"])
""")
    texts = [str(number) for number in range(100)]
    assert translate(command, texts) == texts


def test_null_says_that_there_is_no_translation_and_truncated_that_it_was_cut(make: Make) -> None:
    command = make("""
for line in sys.stdin:
    asked = json.loads(line)
    answer(id=int(asked["id"]), translation=None if asked["text"] == "?" else "ok", truncated=True)
""")
    assert list(command.translate(["a", "?"], "en", "de")) == [
        Translation("ok", True), Translation(None, True),
    ]  # fmt: skip


HOSTILE = [
    "", " \n\t ", "\0", "a\nb\r\nc\u2028d\x85e", "\ud800", "\u202e\u200f", "\u0301", '{"id": "0"}',
    "x" * 100_000, "😂" * 20_000, "\\u0041", '"', "猫",
]  # fmt: skip


def test_hostile_texts_arrive_as_they_are(make: Make) -> None:
    command = make(UPPER.replace(".upper()", "").replace('asked["target_lang"] + " " + ', ""))
    assert translate(command, HOSTILE * 3) == HOSTILE * 3


def test_a_program_in_another_locale_gets_and_may_write_ascii(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    command = make(UPPER)
    assert translate(command, ["è 猫"]) == ["de È 猫"]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print('Loading model...')", "wrote a line that is not JSON: 'Loading model...'"),
        ("print('[1]')", r"wrote a line that is not a JSON object: '\[1\]'"),
        ("answer(id='0', translated='x')", "wrote a line without 'translation'.*did you mean"),
        ("answer(translation='x')", "wrote a line without 'id'"),
        ("answer(id='0', translation=7)", "wrote a translation that is not text: .*7"),
        ("answer(id='0', translation='x', truncated=1)", "'truncated' that is not true or false"),
        ("answer(id='77', translation='x')", "wrote an 'id' that it was not sent: .*77"),
        ("answer(id='x', translation='x')", "wrote an 'id' that it was not sent"),
        ("answer(id=None, translation='x')", "wrote an 'id' that it was not sent"),
        ("answer(id='0', translation='x')\n" * 2, "answered one 'id' twice"),
        ("print('[' * 100_000)", "wrote a line that is not JSON"),
        ("os.write(1, b'\\xff\\xfe\\n')", "wrote a line that is not JSON"),
    ],
)
def test_a_broken_rule_is_an_error_that_says_what_came(
    make: Make, program: str, message: str
) -> None:
    command = make(f"sys.stdin.readline()\n{program}\nsys.stdout.flush()\ntime.sleep(60)")
    with pytest.raises(TranslationError, match=message) as caught:
        translate(command, ["hello", "world"])
    assert "my translator 0.py" in caught.value.message
    assert len(caught.value.message) < 1000
    assert '{"id", "text", "source_lang", "target_lang"}' in str(caught.value.hint)


def test_a_program_that_ends_is_quoted_with_its_last_words(make: Make) -> None:
    command = make("sys.exit('no API key')")
    with pytest.raises(
        TranslationError,
        match=r"ended with exit status 1; .*no API key\. It failed on this text twice: 'hello'",
    ):
        translate(command, ["hello", "world"])


def test_a_program_that_hangs_is_an_error_naming_the_text(make: Make) -> None:
    command = make("time.sleep(60)", timeout=0.2)
    with pytest.raises(TranslationError, match=r"gave no answer for 0\.2 seconds.*'hello'"):
        translate(command, ["hello"])


def test_a_program_that_waits_for_the_end_of_its_input_is_told_apart_by_the_hint(
    make: Make,
) -> None:
    command = make("lines = list(sys.stdin)", timeout=0.2)
    with pytest.raises(TranslationError) as caught:
        translate(command, ["hello"])
    assert "flushed at once" in str(caught.value.hint)


def test_a_crash_is_survived_when_the_text_succeeds_the_second_time(make: Make) -> None:
    command = make("""
for line in sys.stdin:
    asked = json.loads(line)
    if asked["text"] == "bad" and not os.path.exists(__file__ + ".seen"):
        open(__file__ + ".seen", "w").close()
        os._exit(9)
    answer(id=asked["id"], translation=asked["text"])
""")
    texts = ["a", "b", "bad", "c"] * 30
    assert translate(command, texts) == texts


def test_a_flood_on_standard_error_does_not_block(make: Make) -> None:
    command = make(UPPER.replace("    answer", "    sys.stderr.write('w' * 100_000)\n    answer"))
    assert translate(command, ["a"] * 20) == ["de A"] * 20


def test_a_program_that_is_not_there_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="'no-such-translator' cannot be found or run"):
        load("no-such-translator --fast", Translating())


def test_a_file_that_is_no_program_cannot_be_started(tmp_path: Path) -> None:
    program = tmp_path / "mt"
    program.write_bytes(b"\x7fnot a program")
    program.chmod(0o755)
    command = Command([str(program)])
    with pytest.raises(TranslationError, match="mt' cannot be started: Exec format error"):
        translate(command, ["a"])


@pytest.mark.parametrize(
    ("argument", "message"),
    [("", "needs a command"), ("  ", "needs a command"), ("mt 'x", "No closing quotation")],
)
def test_a_command_line_that_cannot_be_used_is_refused(argument: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(argument, Translating())


def test_the_fingerprint_follows_the_line_and_the_files_it_names(make: Make) -> None:
    command = make(UPPER)
    same = Command(command.arguments)
    assert same.fingerprint == command.fingerprint
    assert Command([*command.arguments, "--fast"]).fingerprint != command.fingerprint
    with Path(command.arguments[-1]).open("a") as file:
        file.write("# changed\n")
    assert Command(command.arguments).fingerprint != command.fingerprint


def test_the_fingerprint_follows_a_script_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "my-mt"
    script.write_text("#!/bin/sh\ncat\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    before = Command(["my-mt"]).fingerprint
    script.write_text("#!/bin/sh\ncat -u\n")
    assert Command(["my-mt"]).fingerprint != before


def fingerprint(arguments: list[str]) -> str:
    return Command(arguments).fingerprint


def test_the_fingerprint_follows_a_file_behind_an_option(tmp_path: Path) -> None:
    words = tmp_path / "words.tsv"
    words.write_text("a")
    before = fingerprint(["cat", f"--words={words}"])
    words.write_text("b")
    assert fingerprint(["cat", f"--words={words}"]) != before


@pytest.mark.parametrize("where", ["cwd", "path"])
@pytest.mark.parametrize("layout", ["mymt.py", "mymt/__main__.py", "mymt/inner/words.py"])
def test_the_fingerprint_follows_the_code_of_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, layout: str
) -> None:
    if where == "cwd":
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    file = tmp_path / layout
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("VERSION = 1\n")
    line = [sys.executable, "-S", "-m", "mymt"]
    before = fingerprint(line)
    assert fingerprint(line) == before
    file.write_text("VERSION = 2\n")
    assert fingerprint(line) != before


STATED = "answer(babelift=1, name='my-mt', version={!r})\n" + UPPER


def stated(make: Make, program: str) -> Command:
    """The program in a place that the line does not name."""
    command = make("exec(open(__file__ + '.code').read())")
    Path(command.arguments[-1] + ".code").write_text(program)
    return command


def test_the_version_that_a_program_states_is_in_its_fingerprint(make: Make) -> None:
    command = stated(make, STATED.format("1"))
    code = Path(command.arguments[-1] + ".code")
    first = command.fingerprint
    assert first.endswith(" my-mt 1")
    assert fingerprint(command.arguments) == first
    assert translate(command, ["a", "b"]) == ["de A", "de B"]
    code.write_text(STATED.format("2"))
    assert fingerprint(command.arguments).endswith(" my-mt 2")
    code.write_text(UPPER)
    assert " " not in fingerprint(command.arguments)


def test_a_program_may_state_its_version_and_never_be_asked_for_it(make: Make) -> None:
    command = make(STATED.format("1"))
    assert translate(command, ["a", "b"]) == ["de A", "de B"]
    assert translate(command, ["c"]) == ["de C"]
    assert command.fingerprint.endswith(" my-mt 1")


def test_asking_for_the_version_sends_no_text_and_leaves_nothing_running(make: Make) -> None:
    command = make("""
open(__file__ + '.pid', 'w').write(str(os.getpid()))
answer(babelift=1, version="1")
open(__file__ + '.read', 'w').write(sys.stdin.read())
""")
    assert command.fingerprint.endswith(" - 1")
    pid = int(Path(command.arguments[-1] + ".pid").read_text())
    wait_until(lambda: not is_running(pid))
    read = Path(command.arguments[-1] + ".read")
    assert not read.exists() or read.read_text() == ""


def test_a_version_that_changes_while_it_works_is_an_error(make: Make) -> None:
    command = stated(make, STATED.format("1"))
    assert command.fingerprint.endswith(" my-mt 1")
    for program in (STATED.format("2"), UPPER):
        Path(command.arguments[-1] + ".code").write_text(program)
        with pytest.raises(TranslationError, match="states another version than before"):
            translate(command, ["a"])


def test_a_version_that_comes_too_late_is_an_error_and_not_a_translation_of_none(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babelift.translation.engines.command._PATIENCE", 0.1)
    command = make("time.sleep(0.5)\n" + STATED.format("1"))
    assert " " not in command.fingerprint
    with pytest.raises(TranslationError, match="or not at once"):
        translate(command, ["a"])


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("answer(babelift=2, version='1')", "speaks another protocol than 1"),
        ("answer(babelift=True, version='1')", "speaks another protocol than 1"),
        ("answer(babelift='1', version='1')", "speaks another protocol than 1"),
        ("answer(babelift=1)", "states a name or version that cannot be used"),
        ("answer(babelift=1, version=1.1)", "states a name or version that cannot be used"),
        ("answer(babelift=1, version='')", "states a name or version that cannot be used"),
        ("answer(babelift=1, version='x' * 101)", "states a name or version that cannot be used"),
        ("answer(babelift=1, version='1', name='a\\n')", "states a name or version"),
    ],
)
def test_a_statement_that_cannot_be_understood_is_an_error(
    make: Make, program: str, message: str
) -> None:
    command = make(f"{program}\nsys.stdin.read()")
    with pytest.raises(TranslationError, match=message) as caught:
        _ = command.fingerprint
    assert '"babelift": 1' in str(caught.value.hint)
    with pytest.raises(TranslationError, match=message):
        translate(command, ["a"])


@pytest.mark.parametrize(
    "program", ["sys.exit(3)", "print('Loading')", "print('[1]')", "answer(id='0', translation='')"]
)
def test_a_program_that_states_nothing_is_known_by_its_files(make: Make, program: str) -> None:
    assert " " not in make(program).fingerprint


# What Python's int() takes for 1, and what other languages write for it.
@pytest.mark.parametrize(
    "sent",
    ["1.9", "1.0", "true", "null", '" 1"', '"1 "', '"+1"', '"01"', '"1.0"', '"1_0"', '"\u0661"',
     '"\uff11"', '["1"]', '{"1": 1}', "-1", '"-1"', "1e0", '"' + "1" * 5000 + '"', "NaN"],
)  # fmt: skip
def test_an_id_is_the_one_that_was_sent_or_none(make: Make, sent: str) -> None:
    command = make(f"""
for line in sys.stdin:
    asked = json.loads(line)
    name = {sent!r} if asked["id"] == "1" else json.dumps(asked["id"])
    print('{{"id": %s, "translation": "x"}}' % name, flush=True)
""")
    with pytest.raises(TranslationError, match="'id' that it was not sent"):
        translate(command, ["a", "b", "c"])


@settings(max_examples=30)
@given(sent=st.one_of(st.text(max_size=3), st.floats(), st.booleans(), st.integers(-9, 9)))
def test_no_other_id_is_taken_for_one_that_was_sent(sent: Any) -> None:
    command = Command([sys.executable])
    call = _Call(command, {0: "a", 1: "b"}, "en", "de", None)
    call._under_way = {0: 1, 1: 1}
    line = json.dumps({"id": sent, "translation": "x"}).encode()
    if (isinstance(sent, str) or type(sent) is int) and str(sent) in ("0", "1"):
        call._accept(json.loads(line), line)
        assert list(call._answers) == [int(sent)]
    else:
        with pytest.raises(TranslationError, match="was not sent"):
            call._accept(json.loads(line), line)


def test_a_flood_of_lines_is_a_fault_not_a_full_memory(start: Start) -> None:
    process = start("import sys\nwhile True: sys.stdout.write('{}\\n' * 1000)")

    def take_all() -> None:
        while True:
            process.receive(30)

    with pytest.raises(ProcessError, match="many more lines than it was sent"):
        take_all()
    assert process.received < 100_000


def test_an_argument_that_no_program_can_take_is_named() -> None:
    command = Command(["cat", "a\0b"])
    assert command.fingerprint
    with pytest.raises(TranslationError, match="cannot be started: embedded null byte"):
        translate(command, ["a"])


def test_two_calls_may_overlap(make: Make) -> None:
    command = make(UPPER)
    one, other = command.translate(["a", "b"], "en", "de"), command.translate(["c"], "en", "fr")
    assert [next(one).text, next(other).text, next(one).text] == ["de A", "fr C", "de B"]
    assert list(one) == list(other) == []


def test_nothing_is_left_running_after_close(make: Make) -> None:
    command = make("answered = open(__file__ + '.pid', 'w').write(str(os.getpid()))\n" + UPPER)
    assert translate(command, ["a"]) == ["de A"]
    command.close()
    command.close()
    pid = int(Path(command.arguments[-1] + ".pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_shell_script_can_be_a_translator(tmp_path: Path) -> None:
    script = tmp_path / "mt.sh"
    script.write_text('#!/bin/sh\nexec sed -u \'s/"text": "[^"]*"/"translation": "Gut."/\'\n')
    script.chmod(0o755)
    probe = subprocess.run([script], input='{"text": "a"}\n', capture_output=True, text=True)
    if probe.returncode != 0 or json.loads(probe.stdout) != {"translation": "Gut."}:
        pytest.skip("this system's sed cannot flush at once")
    command = load(str(script), Translating())
    assert translate(command, ["Good.", "Fine."]) == ["Gut.", "Gut."]
    command.close()


POISONABLE = """
held = []
for line in sys.stdin:
    asked = json.loads(line)
    text = asked["text"]
    if text.startswith("crash"):
        sys.exit(7)
    if text == "hang":
        time.sleep(60)
    if text == "once" and not os.path.exists(__file__ + ".seen"):
        open(__file__ + ".seen", "w").close()
        sys.exit(7)
    if text == "ignored":
        continue
    print(text, file=open(__file__ + ".log", "a"))
    held.append(asked)
    if not text.startswith("hold"):
        for one in held:
            answer(id=one["id"], translation=one["text"].upper())
        held.clear()
"""


@pytest.mark.parametrize(
    ("poison", "fault"),
    [("crash", "exit status 7"), ("hang", "no answer"), ("ignored", "no answer")],
)
def test_one_poisoned_text_is_named_after_all_before_it_were_answered(
    make: Make, poison: str, fault: str
) -> None:
    command = make(POISONABLE, timeout=0.5)
    texts = [f"text {number}" for number in range(3 * WINDOW)]
    texts[100] = poison
    answers = command.translate(texts, "en", "de")
    assert [next(answers).text for _ in range(100)] == [text.upper() for text in texts[:100]]
    with pytest.raises(TranslationError, match=f"{fault}.*failed on this text twice: '{poison}'"):
        next(answers)
    assert translate(command, ["more"]) == ["MORE"]


def test_a_text_that_fails_only_once_is_answered_and_so_are_those_around_it(make: Make) -> None:
    command = make(POISONABLE)
    assert translate(command, ["a", "once", "b"]) == ["A", "ONCE", "B"]


def test_answers_that_are_held_back_are_put_in_order(make: Make) -> None:
    texts = ["hold 1", "hold 2", "go", "hold 3", "go on"]
    assert translate(make(POISONABLE), texts) == [text.upper() for text in texts]


def test_texts_larger_than_the_pipes_pass(make: Make) -> None:
    assert translate(make(POISONABLE), ["x" * 300_000] * 20) == ["X" * 300_000] * 20


def test_an_abandoned_call_does_not_leak_into_the_next(make: Make) -> None:
    command = make(POISONABLE)
    answers = command.translate(["a", "b", "c"], "en", "de")
    assert next(answers).text == "A"
    answers.close()
    assert translate(command, ["d"]) == ["D"]


def test_after_a_broken_rule_the_next_call_has_a_fresh_program(make: Make) -> None:
    command = make("open(__file__ + '.starts', 'a').write('x')\n" + UPPER + "    print('extra')\n")
    with pytest.raises(TranslationError, match="not JSON: 'extra'"):
        translate(command, ["a", "b"])
    assert next(command.translate(["a"], "en", "de")).text == "de A"
    assert Path(command.arguments[-1] + ".starts").read_text() == "xx"


def test_it_can_be_closed_and_used_again(make: Make) -> None:
    command = make(UPPER)
    assert translate(command, ["a"]) == ["de A"]
    command.close()
    assert translate(command, ["a"]) == ["de A"]


def test_a_program_killed_between_calls_is_replaced(make: Make) -> None:
    command = make("open(__file__ + '.pid', 'w').write(str(os.getpid()))\n" + UPPER)
    assert translate(command, ["a"]) == ["de A"]
    os.kill(int(Path(command.arguments[-1] + ".pid").read_text()), 9)
    assert translate(command, ["b", "c"]) == ["de B", "de C"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_starts_its_own_program(make: Make) -> None:
    command = make(UPPER)
    assert translate(command, ["a"]) == ["de A"]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if translate(command, ["b"]) == ["de B"] else 2
            command.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert translate(command, ["c"]) == ["de C"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts small Python programs, ended after the test."""
    started: list[LineProcess] = []

    def run(program: str) -> LineProcess:
        started.append(LineProcess([sys.executable, "-S", "-c", program]))
        return started[-1]

    yield run
    for process in started:
        process.kill()


ECHO = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stdout.flush()"


def children() -> set[str]:
    """Ids of this process's children, where the system tells."""
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for listed in lists for pid in listed.read_text().split()}


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_come_back_in_order(start: Start) -> None:
    process = start(ECHO.replace("(line)", "(line.upper())"))
    for line in (b"one", b"", b"two\0nul"):
        process.send(line)
    assert [process.receive(10) for _ in range(3)] == [b"ONE", b"", b"TWO\0NUL"]


def test_megabytes_in_both_directions_do_not_deadlock(start: Start) -> None:
    process = start(ECHO)
    line = b"x" * 100_000
    for _ in range(50):
        process.send(line)
    assert all(process.receive(30) == line for _ in range(50))


def test_a_silent_process_is_a_fault_after_the_timeout(start: Start) -> None:
    process = start("import time; time.sleep(60)")
    with pytest.raises(ProcessError, match=r"gave no answer for 0\.05 seconds"):
        process.receive(0.05)


def test_an_early_end_quotes_status_and_last_words(start: Start) -> None:
    process = start("import sys; sys.stderr.write('model.bin is missing'); sys.exit(3)")
    expected = r"ended with exit status 3; its last words: model.bin is missing"
    with pytest.raises(ProcessError, match=expected):
        process.receive(10)
    with pytest.raises(ProcessError, match="exit status 3"):
        process.receive(10)


def test_sending_to_a_dead_process_does_not_raise_or_block(start: Start) -> None:
    process = start("pass")
    with pytest.raises(ProcessError, match="closed its output"):
        process.receive(10)
    for _ in range(100):
        process.send(b"x" * 100_000)


def test_only_the_tail_of_standard_error_is_kept(start: Start) -> None:
    process = start("import sys; sys.stderr.write('a' * 10**6 + 'the end'); sys.exit(1)")
    with pytest.raises(ProcessError) as caught:
        process.receive(10)
    assert caught.value.message.endswith("the end")
    assert len(caught.value.message) < 5000


def test_a_line_without_end_is_a_fault_not_a_full_memory(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babelift.translation.engines.command._LONGEST_LINE", 1_000_000)
    process = start("import sys\nwhile True: sys.stdout.write('x' * 65536)")
    with pytest.raises(ProcessError, match="without a line break"):
        process.receive(30)


def test_a_missing_program_is_an_os_error_and_leaves_no_process() -> None:
    before = children()
    with pytest.raises(FileNotFoundError):
        LineProcess(["no-such-program-anywhere"])
    assert children() == before


def test_close_ends_and_reaps_the_child_and_may_be_called_twice(start: Start) -> None:
    process = start(ECHO)
    process.close()
    process.close()
    assert not is_running(process.pid)


def test_kill_reaches_a_child_that_ignores_everything_and_its_own_children(start: Start) -> None:
    process = start(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        "if child: os.write(1, b'%d\\n' % child)\n"
        "time.sleep(60)"
    )
    grandchild = int(process.receive(10))
    process.kill()
    assert not is_running(process.pid)
    # An orphan is reaped by whoever adopted it, or stays a zombie where nobody does.
    wait_until(lambda: not is_running(grandchild) or _is_zombie(grandchild))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


PARENT = """
import sys, time
from babelift.translation.engines.command import LineProcess
process = LineProcess(["cat"])
print(process.pid, flush=True)
{}
"""


@pytest.mark.parametrize(
    "ending",
    ["", "raise SystemExit(1)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"],
    ids=["at exit", "at an error", "at SIGKILL"],
)
def test_children_end_with_their_parent(ending: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT.format(ending)], capture_output=True, text=True, check=False
    )
    pid = int(done.stdout)
    wait_until(lambda: not is_running(pid) or _is_zombie(pid))


def test_ctrl_c_in_the_terminal_does_not_reach_the_children(start: Start) -> None:
    process = start(ECHO)
    assert os.getpgid(process.pid) != os.getpgid(0)
    assert os.getsid(process.pid) != os.getsid(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_leaves_the_parents_children_alone(start: Start) -> None:
    process = start(ECHO)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            process.kill()
            process.close()
            code = 0 if not process.mine else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    process.send(b"still here")
    assert process.receive(10) == b"still here"


def test_a_child_killed_from_outside_is_a_fault(start: Start) -> None:
    process = start(ECHO)
    process.send(b"a")
    assert process.receive(10) == b"a"
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(ProcessError, match="signal 9"):
        process.receive(10)
