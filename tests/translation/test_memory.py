"""The memory keeps what was finished, whatever happens to the process or the disk."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.errors import MemoryStoreError
from babelift.translation.memory import APPLICATION_ID, LaneKey, Memory, Stored, _keys
from babelift.translation.protocol import Translation

PAIR = ("en", "de", "engine 1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.sqlite"


def test_what_is_put_is_got_and_the_rest_is_not(path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation("A"), "b": Translation("B", True)}, *PAIR)
        assert memory.get_many(["b", "c", "a"], *PAIR) == {
            "a": Stored("A", False, 1),
            "b": Stored("B", True, 2),
        }


def test_it_survives_being_closed(path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation("A")}, *PAIR)
        memory.close()
    with Memory(path) as memory:
        assert memory.get_many(["a"], *PAIR)["a"].text == "A"


def test_it_lies_in_the_cache_folder(cache_folder: Path) -> None:
    with Memory() as memory:
        assert memory.path == cache_folder / "memory.sqlite"


@pytest.mark.parametrize(
    "other",
    [("fr", "de", "engine 1"), ("en", "fr", "engine 1"), ("en", "de", "engine 2"),
     ("de", "en", "engine 1"), ("en", "dee", "ngine 1")],
)  # fmt: skip
def test_another_language_or_setting_misses(path: Path, other: tuple[str, str, str]) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation("A")}, *PAIR)
        assert memory.get_many(["a"], *other) == {}


def test_a_missing_translation_is_never_stored(path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation(None), "b": Translation("")}, *PAIR)
        assert set(memory.get_many(["a", "b"], *PAIR)) == {"b"}
        assert len(memory) == 1


def test_the_first_translation_stays(path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation("A")}, *PAIR)
        memory.put_many({"a": Translation("another"), "b": Translation("B")}, *PAIR)
        found = memory.get_many(["a", "b"], *PAIR)
        assert [found["a"].text, found["b"].text] == ["A", "B"]


def test_numbers_tell_old_translations_from_new_ones(path: Path) -> None:
    with Memory(path) as memory:
        assert memory.newest() == 0
        memory.put_many({"a": Translation("A")}, *PAIR)
        before = memory.newest()
        memory.put_many({"b": Translation("B")}, *PAIR)
        found = memory.get_many(["a", "b"], *PAIR)
        assert found["a"].number <= before < found["b"].number


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    with Memory(tmp_path_factory.mktemp("memory") / "memory.sqlite") as memory:
        yield memory


RUNS = count()


@settings(deadline=None)
@given(texts=st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=8))
def test_any_text_comes_back_as_it_was(shared: Memory, texts: dict[str, str]) -> None:
    made = {text: Translation(translation) for text, translation in texts.items()}
    run = str(next(RUNS))
    shared.put_many(made, "en", "de", run)
    found = shared.get_many(list(texts), "en", "de", run)
    assert {text: stored.text for text, stored in found.items()} == texts


def test_more_texts_than_one_query_takes(path: Path) -> None:
    texts = [f"text {number}" for number in range(3_001)]
    with Memory(path) as memory:
        memory.put_many({text: Translation(text.upper()) for text in texts}, *PAIR)
        assert len(memory.get_many([*texts, *texts, "none"], *PAIR)) == 3_001


WRITER = """
import sys
from pathlib import Path
from babelift.translation.memory import Memory
from babelift.translation.protocol import Translation
path, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
with Memory(path) as memory:
    for batch in range(40):
        texts = [f"{name} {batch} {n}" for n in range(5)] + [f"shared {batch}"]
        memory.put_many({text: Translation(text) for text in texts}, "en", "de", "engine 1")
        assert len(memory.get_many(texts, "en", "de", "engine 1")) == 6
"""


def test_several_processes_write_at_once(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name in ("one", "two", "three")
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    with Memory(path) as memory:
        assert len(memory) == 3 * 40 * 5 + 40


def test_a_memory_held_by_another_process_is_named_after_a_wait(path: Path) -> None:
    with Memory(path, timeout=0.05) as memory:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(MemoryStoreError, match="another process"):
            memory.put_many({"a": Translation("A")}, *PAIR)
        assert memory.get_many(["a"], *PAIR) == {}  # reading goes on beside a writer
        holder.execute("ROLLBACK")
        memory.put_many({"a": Translation("A")}, *PAIR)
        holder.close()
        assert len(memory) == 1


def test_a_full_disk_says_so_and_loses_nothing(path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation("A")}, *PAIR)
        pages = memory._db.execute("PRAGMA page_count").fetchone()[0]
        memory._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(MemoryStoreError, match="disk is full") as caught:
            memory.put_many({str(n): Translation("x" * 500) for n in range(100)}, *PAIR)
        assert "BABELIFT_CACHE" in (caught.value.hint or "")
        assert str(path) in caught.value.message
        assert len(memory) == 1
        memory._db.execute("PRAGMA max_page_count = 100000")
        memory.put_many({"b": Translation("B")}, *PAIR)
        assert len(memory) == 2


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(MemoryStoreError, match="another program"):
        Memory(path)
    assert path.read_bytes() == before


def test_a_memory_of_another_form_is_left_alone(path: Path) -> None:
    Memory(path).close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 7")
    other.close()
    with pytest.raises(MemoryStoreError, match="form 7"):
        Memory(path)


@pytest.mark.parametrize("content", [b"not a database at all, " * 60, b"SQLite format 3\x00" * 99])
def test_a_damaged_file_is_named_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(MemoryStoreError, match=r"memory\.sqlite") as caught:
        Memory(path)
    assert "Move the file away" in (caught.value.hint or "")
    assert path.read_bytes() == content


def test_damage_in_the_middle_is_found_when_it_is_read(path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many({str(n): Translation("x" * 100) for n in range(500)}, *PAIR)
    content = bytearray(path.read_bytes())
    content[8192:40960] = os.urandom(32768)
    path.write_bytes(content)
    with pytest.raises(MemoryStoreError, match="damaged"), Memory(path) as memory:
        memory.get_many([str(n) for n in range(500)], *PAIR)


TEXTS = {
    f"source {number}": Translation(f"Übersetzung {number} " + "wort " * (number % 40), number < 9)
    for number in range(60)
} | {"long": Translation("ü" * 9_000)}  # on pages of its own


def test_no_flipped_byte_alters_a_translation(path: Path, tmp_path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many(TEXTS, *PAIR)
    content, chance = path.read_bytes(), random.Random(14)
    healed = refused = 0
    for _ in range(200):
        flipped = bytearray(content)
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        copy = tmp_path / "copy.sqlite"
        copy.write_bytes(flipped)
        try:
            with Memory(copy) as memory:
                found = memory.get_many(list(TEXTS), *PAIR)
                assert all((got.text, got.truncated) == TEXTS[text] for text, got in found.items())
                missing = {text: TEXTS[text] for text in TEXTS if text not in found}
                memory.put_many(missing, *PAIR)
                healed += bool(missing) and len(memory.get_many(list(TEXTS), *PAIR)) == len(TEXTS)
        except MemoryStoreError:
            refused += 1
    assert healed > 50
    assert 0 < refused < 20


def test_a_damaged_entry_is_counted_removed_and_stored_again(path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation("A"), "b": Translation("B")}, *PAIR)
        memory._db.execute("UPDATE entries SET text = CAST('X' AS BLOB) WHERE number = 1")
        assert set(memory.get_many(["a", "b"], *PAIR)) == {"b"}
        assert (memory.damaged, len(memory)) == (1, 1)
        memory.put_many({"a": Translation("A")}, *PAIR)
        assert memory.get_many(["a"], *PAIR)["a"].text == "A"
        assert memory.damaged == 1


def test_what_others_put_into_the_file_is_never_run(path: Path) -> None:
    Memory(path).close()
    other = sqlite3.connect(path)
    other.execute("CREATE TRIGGER theirs AFTER INSERT ON entries BEGIN DELETE FROM entries; END")
    other.close()
    with pytest.raises(MemoryStoreError, match="is damaged"):
        Memory(path)


FORM_1 = """
CREATE TABLE translations (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL,
    truncated INTEGER NOT NULL
)
"""


def write_form_1(path: Path, texts: dict[str, Translation]) -> None:
    """A memory as Babelift 0.2 wrote it."""
    db = sqlite3.connect(path)
    db.execute(FORM_1)
    for key, made in zip(_keys(list(texts), *PAIR), texts.values(), strict=True):
        db.execute(
            "INSERT INTO translations (key, text, truncated) VALUES (?, ?, ?)",
            (key, made.text, int(made.truncated)),
        )
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.execute("PRAGMA journal_mode = WAL")
    db.close()


def test_a_memory_of_an_earlier_babelift_is_taken_over(path: Path) -> None:
    write_form_1(path, TEXTS | {"nul": Translation("a\0b"), "": Translation("")})
    with Memory(path) as memory:
        found = memory.get_many([*TEXTS, "nul", ""], *PAIR)
        assert {text: (got.text, got.truncated) for text, got in found.items()} == TEXTS | {
            "nul": ("a\0b", False), "": ("", False),
        }  # fmt: skip
        assert [found[text].number for text in TEXTS] == list(range(1, len(TEXTS) + 1))
        memory.put_many({"new": Translation("neu")}, *PAIR)
        assert memory.get_many(["new"], *PAIR)["new"].number == len(TEXTS) + 3
        assert [(held.lane, held.entries) for held in memory.holdings()] == [
            (None, len(TEXTS) + 2), (LaneKey(*PAIR), 1),
        ]  # fmt: skip
        assert memory.clear([None]) == len(TEXTS) + 2
        assert len(memory) == 1


def test_a_damaged_memory_of_an_earlier_babelift_is_left_alone(path: Path) -> None:
    write_form_1(path, TEXTS)
    content = bytearray(path.read_bytes())
    key = _keys(["source 3"], *PAIR)[0]
    place = content.rindex(key)
    content[place] ^= 1  # table and index disagree
    path.write_bytes(content)
    with pytest.raises(MemoryStoreError, match="is damaged"):
        Memory(path)
    assert path.read_bytes() == content


def test_opened_fresh_it_passes_over_what_was_there_and_puts_the_new_in_its_place(
    path: Path,
) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation("A"), "b": Translation("B")}, *PAIR)
    with Memory(path, fresh=True) as memory:
        assert memory.get_many(["a", "b"], *PAIR) == {}
        memory.put_many({"a": Translation("new")}, *PAIR)
        assert memory.get_many(["a", "b"], *PAIR) == {"a": Stored("new", False, 3)}
    with Memory(path) as memory:
        found = memory.get_many(["a", "b"], *PAIR)
        assert [found["a"].text, found["b"].text] == ["new", "B"]


def test_it_tells_what_it_holds_and_clears_what_is_chosen(path: Path) -> None:
    german, french, other = PAIR, ("en", "fr", "engine 1"), ("en", "de", "engine 2")
    with Memory(path) as memory:
        memory.put_many({"a": Translation("Ä"), "b": Translation("B")}, *german)
        memory.put_many({"a": Translation("AAA")}, *french)
        memory.put_many({"a": Translation("other")}, *other)
        counts = {held.lane: (held.entries, held.size) for held in memory.holdings()}
        assert counts == {german: (2, 3), french: (1, 3), other: (1, 5)}
        entries = memory.entries_of("a")
        assert {lane: stored.text for lane, stored in entries.items()} == {
            german: "Ä", french: "AAA", other: "other",
        }  # fmt: skip
        assert memory.entries_of("c") == {}
        assert memory.clear([LaneKey(*german)]) == 2
        assert memory.clear([LaneKey(*german)]) == 0
        assert set(memory.entries_of("a")) == {french, other}


def test_it_can_be_cleared_while_a_job_uses_it(path: Path) -> None:
    with Memory(path) as job, Memory(path) as keeper:
        job.put_many({str(n): Translation("x") for n in range(100)}, *PAIR)
        before = job.newest()
        assert keeper.clear([LaneKey(*PAIR)]) == 100
        job.put_many({"a": Translation("A")}, *PAIR)
        assert job.get_many(["a", "1"], *PAIR) == {"a": Stored("A", False, before + 1)}


def test_clearing_waits_for_a_writer_and_then_says_who_holds_it(path: Path) -> None:
    with Memory(path, timeout=0.05) as memory:
        memory.put_many({"a": Translation("A")}, *PAIR)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(MemoryStoreError, match="another process"):
            memory.clear([LaneKey(*PAIR)])
        holder.close()
        assert len(memory) == 1


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(MemoryStoreError, match="cannot be opened: it is a folder"):
        Memory(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_its_place_is_named_and_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(MemoryStoreError, match="it is a pipe"):
        Memory(path)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MemoryStoreError, match="cannot be opened"):
        Memory(tmp_path / "nowhere" / "memory.sqlite")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_without_write_permission_is_named(path: Path) -> None:
    Memory(path).close()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with pytest.raises(MemoryStoreError, match="permission"):
            Memory(path)
    finally:
        path.parent.chmod(0o755)


def test_a_memory_that_cannot_be_written_can_be_read(path: Path) -> None:
    with Memory(path) as memory:
        memory.put_many({"a": Translation("A")}, *PAIR)
        memory._db.execute("PRAGMA query_only = ON")
        with pytest.raises(MemoryStoreError, match="permission"):
            memory.put_many({"b": Translation("B")}, *PAIR)
        assert memory.get_many(["a"], *PAIR)["a"].text == "A"


def test_an_empty_file_becomes_a_memory(path: Path) -> None:
    path.touch()
    with Memory(path):
        pass
    found = sqlite3.connect(path).execute("PRAGMA application_id").fetchone()[0]
    assert found == APPLICATION_ID
