"""`babelift memory` shows what the memory holds, and clears what is chosen, never unasked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from babelift.translation.memory import Memory
from babelift.translation.protocol import Translation


@pytest.fixture
def held() -> None:
    """A memory with two translators and two pairs."""
    with Memory() as memory:
        memory.put_many(
            {"Good.": Translation("Gut."), "It.": Translation("Es.")}, "en", "de", "a/1:x"
        )
        memory.put_many({"Good.": Translation("Bon.", True)}, "en", "fr", "a/1:x")
        memory.put_many({"Good.": Translation("Fein.")}, "en", "de", "b/1:y")


def counts(babelift: Callable) -> dict[tuple[str, str], int]:
    listed = json.loads(babelift("memory", "--json").out)
    return {(line["fingerprint"], line["target_lang"]): line["translations"] for line in listed}


def test_where_there_is_none_it_says_so_and_makes_none(
    babelift: Callable, cache_folder: Path
) -> None:
    before = list(cache_folder.iterdir())
    assert "no memory yet" in babelift("memory").out
    assert babelift("memory", "clear", "--yes").code == 0
    assert list(cache_folder.iterdir()) == before


@pytest.mark.usefixtures("held")
def test_it_counts_by_pair_and_translator(babelift: Callable) -> None:
    assert counts(babelift) == {("a/1:x", "de"): 2, ("a/1:x", "fr"): 1, ("b/1:y", "de"): 1}
    shown = babelift("memory").out
    assert "en>fr" in shown
    assert "4 translations in" in shown
    assert "damaged:" not in shown
    assert "3 translations in" in babelift("memory", "--to", "de").out


@pytest.mark.usefixtures("held")
def test_it_shows_what_is_held_for_a_text_and_its_sentences(babelift: Callable) -> None:
    shown = json.loads(babelift("memory", "--text", "Good. It.", "--json").out)
    assert {(line["text"], line["target_lang"], line["translation"]) for line in shown} == {
        ("Good.", "de", "Gut."), ("Good.", "de", "Fein."), ("Good.", "fr", "Bon."),
        ("It.", "de", "Es."),
    }  # fmt: skip
    assert "Bon. (cut)" in babelift("memory", "--text", "Good.", "--to", "fr").out
    assert "holds no translation" in babelift("memory", "--text", "Bad.").out


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(
    ("flags", "left"),
    [
        (["--translator", "a"], {("b/1:y", "de"): 1}),
        (["--to", "de"], {("a/1:x", "fr"): 1}),
        (["--from", "en", "--to", "de", "--translator", "b/1:y"],
         {("a/1:x", "de"): 2, ("a/1:x", "fr"): 1}),
        (["--from", "ja"], {("a/1:x", "de"): 2, ("a/1:x", "fr"): 1, ("b/1:y", "de"): 1}),
        ([], {}),
    ],
)  # fmt: skip
def test_it_clears_what_is_chosen(
    babelift: Callable, flags: list[str], left: dict[tuple[str, str], int]
) -> None:
    done = babelift("memory", "clear", *flags, "--yes")
    assert done.code == 0, done.err
    assert counts(babelift) == left


@pytest.mark.usefixtures("held")
def test_it_never_clears_unasked(babelift: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    refused = babelift("memory", "clear", "--translator", "a")
    assert refused.code == 1
    assert "3 of the 4 translations" in refused.err
    assert "--yes" in refused.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert "Nothing was removed" in babelift("memory", "clear").out
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert "4 translations were removed; 0 are left" in babelift("memory", "clear").out


@pytest.mark.usefixtures("held")
def test_what_earlier_versions_stored_is_told_where_it_cannot_be_chosen(babelift: Callable) -> None:
    with Memory() as memory:
        memory._db.execute("UPDATE entries SET lane = NULL WHERE number = 3")
    assert "stored before version 0.3" in babelift("memory").out
    said = babelift("memory", "clear", "--translator", "a", "--yes").out
    assert "2 translations were removed; 2 are left" in said
    assert "1 more were stored before version 0.3" in said
    assert "2 translations were removed; 0 are left" in babelift("memory", "clear", "--yes").out


@pytest.mark.usefixtures("held")
def test_it_counts_damaged_translations(babelift: Callable) -> None:
    with Memory() as memory:
        memory._db.execute("UPDATE entries SET truncated = 0 WHERE number = 3")
    assert "1 are damaged" in babelift("memory").out


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clear", "--text", "Good."], "takes no --text"),
        (["--to", "jp"], "did you mean 'ja'"),
        (["clear", "--to", "xx", "--yes"], "language 'xx' is not known"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    babelift: Callable, arguments: list[str], message: str
) -> None:
    refused = babelift("memory", *arguments)
    assert refused.code == 1
    assert message in refused.err
    with Memory() as memory:
        assert len(memory) == 4
