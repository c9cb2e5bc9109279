"""Bars on terminals: one line each, whatever the width, and everything on it can be read."""

import io

import pytest
from rich.console import Console

from babelift.progress import on_console


def drawn(width: int, *, tty: bool = True) -> tuple[list[str], str]:
    """The lines that a finished bar leaves on the screen, and all that was written."""
    screen = io.StringIO()
    console = Console(file=screen, width=width, force_terminal=tty, color_system=None)
    progress = on_console(console)
    with progress.task("training (epoch 3, F1 0.33)", 12_000, unit="updates") as task:
        task.advance(11_999)
        task.describe("training (epoch 4, F1 0.41)")
        task.advance(1)
    written = screen.getvalue()
    last = written.split("\x1b[2K")[-1]
    lines = [line.rstrip() for line in last.replace("\x1b[?25h", "").split("\n") if line.strip()]
    return lines, written


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_bar_is_one_line_that_fits(width: int) -> None:
    lines, _ = drawn(width)
    assert len(lines) == 1
    assert len(lines[0]) <= width
    assert "12,000/12,000" in lines[0]
    assert "updates/s" in lines[0]
    assert lines[0].endswith("took 0:00:00")
    assert lines[0].startswith("training")
    assert "━━━━━━━━" in lines[0]


def test_at_120_columns_no_word_is_cut() -> None:
    assert drawn(120)[0][0].startswith("training (epoch 4, F1 0.41) ")


def test_a_note_in_a_pipe_stays_one_line_without_colours() -> None:
    screen = io.StringIO()
    progress = on_console(Console(file=screen, width=40))
    progress.say("a note " * 20 + "about [bold]/tmp/file.csv[/bold]")
    assert screen.getvalue().count("\n") == 1
    assert "[bold]/tmp/file.csv[/bold]" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_brackets_in_a_description_are_shown() -> None:
    screen = io.StringIO()
    with on_console(Console(file=screen, width=100)).task("[en] → [de]", 1):
        pass
    assert "[en] → [de]" in screen.getvalue()
