"""`babelift memory`: what the translation memory holds, and the way to clear it."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from babelift.cli.show import show_json
from babelift.progress import size_in_words

if TYPE_CHECKING:
    from babelift.translation.memory import Holdings, LaneKey, Memory

_UNKNOWN = "stored before version 0.3"


def command(
    action: Literal["show", "clear"] = "show",
    *,
    translator: str | None = None,
    source: Annotated[str | None, Parameter(name="--from")] = None,
    target: Annotated[str | None, Parameter(name="--to")] = None,
    text: str | None = None,
    yes: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Look into the memory of finished translations, or clear it.

    Without flags it counts what is held, by translator and pair, and checks every entry. To pass
    over the memory once, say --fresh to translate, fit or study.

    Example: babelift memory clear --translator command --from en --to de

    Args:
        action: show, or clear, which removes translations after asking.
        translator: Only what this translator made: the beginning of its fingerprint as shown, such
            as mini or command.
        source: Only translations from this language.
        target: Only translations into this language.
        text: Show what is held for this text and each of its sentences.
        yes: Clear without asking.
        as_json: Print JSON, for programs.
    """
    from babelift.errors import ConfigError
    from babelift.languages import resolve
    from babelift.translation.memory import Memory, memory_path

    if action == "clear" and (text is not None or as_json):
        raise ConfigError("'clear' takes no --text and no --json.", "It removes by --translator, "
                          "--from and --to.")  # fmt: skip
    if not memory_path().exists():
        print("[]" if as_json else f"There is no memory yet at {memory_path()}.")
        return
    wanted = (translator, source and resolve(source), target and resolve(target))
    with Memory() as memory:
        if text is not None:
            lanes = [lane for lane in memory.lanes() if _matches(lane, *wanted)]
            _show_text(memory, text, lanes, as_json)
            return
        held = memory.holdings()
        chosen = [counts for counts in held if _matches(counts.lane, *wanted)]
        if action == "show":
            _show(memory, chosen, as_json)
            return
        _clear(memory, chosen, yes)
        left = sum(counts.entries for counts in held if not counts.lane and counts not in chosen)
        if left:
            print(f"{left:,} more were {_UNKNOWN}, which did not say by which translator or for "
                  "which pair: 'clear' without these flags removes them too.")  # fmt: skip


def _matches(
    lane: "LaneKey | None", translator: str | None, source: str | None, target: str | None
) -> bool:
    """Whether it is what the flags ask for; what is not known is meant only where none is given."""
    if lane is None:
        return not (translator or source or target)
    return (
        lane.fingerprint.startswith(translator or "")
        and source in (None, lane.source_lang)
        and target in (None, lane.target_lang)
    )


def _show(memory: "Memory", chosen: "Sequence[Holdings]", as_json: bool) -> None:
    lines = [
        {
            **(held.lane._asdict() if held.lane else {"fingerprint": None}),
            "translations": held.entries,
            "bytes": held.size,
            "damaged": held.damaged,
        }
        for held in chosen
    ]
    if as_json:
        show_json(lines)
        return
    from rich.table import Table

    table = Table("pair", "translator", box=None, pad_edge=False)
    for name in ("translations", "size", "damaged"):
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(
            f"{line['source_lang']}>{line['target_lang']}" if line["fingerprint"] else "",
            line["fingerprint"] or _UNKNOWN,
            f"{line['translations']:,}",
            size_in_words(line["bytes"]),
            f"{line['damaged']:,}" if line["damaged"] else "",
        )
    _print(table)
    total = sum(line["translations"] for line in lines)
    print(f"\n{total:,} translations in {memory.path}, {size_in_words(memory.path.stat().st_size)}")
    if damaged := sum(line["damaged"] for line in lines):
        print(f"{damaged:,} are damaged: they are not used, and are made again when needed.")


def _show_text(memory: "Memory", text: str, lanes: "Sequence[LaneKey]", as_json: bool) -> None:
    from babelift.translation.segments import split_text

    sentences = [
        piece.text
        for source in dict.fromkeys(lane.source_lang for lane in lanes)
        for piece in split_text(text, source, "sentence")
        if piece.kind == "send"
    ]
    lines = [
        {"text": segment, **lane._asdict(), "translation": found.text, "truncated": found.truncated}
        for segment in dict.fromkeys([text, *sentences])
        for lane, found in memory.entries_of(segment).items()
        if lane in lanes
    ]
    if as_json:
        show_json(lines)
        return
    from rich.table import Table

    if not lines:
        print(f"The memory holds no translation of it or of a sentence of it: {memory.path}")
        return
    table = Table("pair", "translator", "text", "translation", box=None, pad_edge=False)
    for line in lines:
        table.add_row(
            f"{line['source_lang']}>{line['target_lang']}",
            line["fingerprint"],
            line["text"],
            line["translation"] + (" (cut)" if line["truncated"] else ""),
        )
    _print(table)


def _clear(memory: "Memory", chosen: "list[Holdings]", yes: bool) -> None:
    from babelift.errors import ConfigError

    total = sum(held.entries for held in chosen)
    if not total:
        print("Nothing to clear: the memory holds no such translation.")
        return
    what = f"{total:,} of the {len(memory):,} translations in {memory.path}"
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError(f"{what} would be removed.", "Say --yes to remove them.")
        try:
            answer = input(f"Remove {what}? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing was removed.")
            return
    removed = memory.clear(held.lane for held in chosen)
    print(f"{removed:,} translations were removed; {len(memory):,} are left.")


def _print(table: Any) -> None:
    from rich.console import Console

    Console(markup=False, highlight=False).print(table)
