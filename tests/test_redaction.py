"""What may be shown of what a user typed: properties, and the places where secrets stand."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.errors import ConfigError
from babelift.redaction import (
    identified,
    is_withheld,
    scrubbed,
    shown,
    shown_command,
    withheld,
)
from babelift.translation.registry import parse

CANARY = "Zx9Canary7Qw"
noise = st.text(alphabet="abc -=/:'\"\\?&@…é\n", max_size=12)


@given(noise, noise, st.sampled_from(["", "degraded:drop=0.3:", "degraded:sense=1:seed=7:", " "]))
def test_no_argument_of_a_program_is_shown(before: str, after: str, wrapping: str) -> None:
    command = f"{wrapping}command:mymt {before}{CANARY}{after}"
    assert CANARY not in shown(command)
    assert CANARY not in str(shown({"translators": {"a": [command]}}))
    assert not any(
        CANARY in word for word in shown_command(["babelift", f"--translator={command}"])
    )
    assert CANARY not in shown_command(["babelift", "fit", "--translator", command])[-1]


@given(st.lists(noise, min_size=1, max_size=4))
def test_what_is_shown_is_shown_as_it_is(parts: list[str]) -> None:
    for value in ("/".join(parts), "/" + "/".join(parts), ":".join(parts), shlex.join(parts)):
        once = shown(value)
        assert shown(once) == once
        assert scrubbed(scrubbed(value)) == scrubbed(value)


@pytest.mark.parametrize(
    "text",
    [
        f"https://bob:{CANARY}@example.org/x",
        f"https://{CANARY}@example.org",
        f"https://bob:p@{CANARY}@example.org/x?q=1",
        f"https://example.org/x?key={CANARY}",
        f"https://example.org/x?a=1&access_token={CANARY}&b=2",
        f"https://example.org/x?X-Amz-Signature={CANARY}",
        f"https://example.org/x?a=1&amp;api-key={CANARY}",
        f"hf_{CANARY}",
        f"sk-proj-{CANARY}-{CANARY}",
        f"openai:gpt@https://me:{CANARY}@example.org/v1",
        f"openai:gpt@https://example.org/v1?api_key={CANARY}",
        f"deepl:https://{CANARY}@example.org",
        f"Authorization failed for hf_{CANARY}.",
    ],
)
def test_passwords_keys_and_tokens_are_cut_out_of_running_text(text: str) -> None:
    assert CANARY not in scrubbed(f"it failed: {text}\nnext line")
    assert CANARY not in shown(text)


def test_keys_of_services_are_shown_nowhere() -> None:
    key = "279a2e9d-83b3-c416-7e2d-f721593e42a0:fx"
    assert scrubbed(f"the key {key} is wrong") == "the key …:fx is wrong"
    for spec in (f"deepl:{key}", f"libretranslate:{CANARY}", f"degraded:drop=0.3:deepl:{CANARY}"):
        assert shown(spec).endswith(":…")
        with pytest.raises(ConfigError, match="its argument was left out"):
            parse(shown(spec))
    for spec in ("deepl", "deepl:", "deepl:http://localhost:1/", "openai:m@http://localhost/v1"):
        assert shown(spec) == spec
    assert (
        scrubbed("a task-force-of-2024-and-more sk-short")
        == "a task-force-of-2024-and-more sk-short"
    )


@pytest.fixture
def alice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home" / "alice"
    (tmp_path / "work").mkdir()
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path / "work")
    return home


def test_a_path_is_shown_from_the_working_folder_the_home_or_by_its_name(alice: Path) -> None:
    assert shown(str(alice / "b.csv")) == "~/b.csv"
    assert shown(str(alice)) == "~"
    assert shown("/srv/x/b.csv") == "/srv/x/b.csv"
    assert shown("/home/bob/b.csv") == "…/b.csv"
    assert shown("/root/b.csv") == "…/b.csv"
    assert shown("../../data/b.csv") == "../../data/b.csv"
    assert shown("../home/alice/b.csv") == "~/b.csv"
    assert shown(f"lexicon:{alice}/w.csv") == "lexicon:~/w.csv"
    assert shown(f"table:{alice}/t.jsonl#argos") == "table:~/t.jsonl#argos"
    assert shown("data/b.csv") == "data/b.csv"


def test_what_lies_in_a_working_folder_in_the_home_is_shown_from_there(
    alice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(alice / "project")
    assert shown(str(alice / "project" / "a" / "b.csv")) == "a/b.csv"
    assert shown(str(alice / "b.csv")) == "~/b.csv"
    assert scrubbed(f"no file '{alice}/project/a/b.csv'") == "no file 'a/b.csv'"
    monkeypatch.chdir("/")
    assert shown(str(alice / "b.csv")) == "~/b.csv"


def test_a_sentence_names_no_home(alice: Path) -> None:
    for home in (alice, "/home/bob", "/Users/carol", r"C:\Users\dave"):
        told = scrubbed(f"'{home}/x.csv' and {home}: no such file; {home}")
        assert str(home) not in told
        assert told.startswith("'~/x.csv' and ~: no such file")
    near = f"{alice}2/x"
    assert "alice2" not in scrubbed(near.replace(str(alice.parent), "/home"))


@pytest.mark.parametrize(
    "text",
    ["1:1", "mini", "hub:org/data", "org/model", "a~b", "en", "https://example.org/home/page",
     "m2m100", "degraded:drop=0.3:mini", "lexicon:words.csv", "Title: a study", "a: b/c",
     "/srv/data/x.csv", "/"],
)  # fmt: skip
def test_what_is_no_secret_stays(text: str) -> None:
    assert shown(text) == text
    assert scrubbed(text) == text
    assert identified(text) == text


def test_the_argument_of_another_packages_translator_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("babelift.redaction._of_other_packages", lambda: {"deepl"})
    assert shown(f"deepl:{CANARY}") == "deepl:…"
    assert shown(f"degraded:drop=0.3:deepl:{CANARY}") == "degraded:drop=0.3:deepl:…"


@pytest.mark.parametrize(
    "spec",
    ["command:mt", "command:mt -k 1", "degraded:drop=0.3:command:mt", "lexicon:/home/bob/w.csv"],
)
def test_what_is_shown_of_a_translator_is_never_run(spec: str) -> None:
    with pytest.raises(ConfigError, match="left out"):
        parse(shown(spec))


def test_a_hash_tells_whether_a_setting_is_the_same() -> None:
    before = {"translator": "command:mt -k 1", "seed": 1}
    kept = withheld(before, shown(before))
    assert list(kept) == ["translator"]
    assert is_withheld("command:mt -k 1", kept["translator"])
    assert not is_withheld("command:mt -k 2", kept["translator"])
    assert withheld(before, shown(before)) != kept  # salted
