"""`babelift translate` from files to a file, again and again."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import babelift
from babelift.config import TranslateConfig
from babelift.corpus.rows import SCHEMA
from babelift.errors import (
    BabeliftError,
    BabeliftWarning,
    ConfigError,
    LanguageError,
    MemoryStoreError,
    RejectsError,
    RunError,
)
from babelift.progress import quiet
from babelift.testing import FunctionTranslator
from babelift.translation.job import run_translate, translate
from babelift.translation.memory import Memory

LEXICON = "source_lang,target_lang,source,target\n" + "".join(
    f"en,{target},{word},{other}\n"
    for target, words in {
        "de": {"the": "der", "coffee": "Kaffee", "was": "war", "good": "gut", "cold": "kalt"},
        "es": {"the": "el", "coffee": "café", "was": "estaba", "good": "bueno", "cold": "frío"},
    }.items()
    for word, other in words.items()
)
TABLE = "id,text,label,lang,shop\n1,The coffee was good.,5,en,A\n2,The coffee was cold.,1,en,B\n"

Config = Callable[..., TranslateConfig]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "words.csv").write_text(LEXICON)
    (tmp_path / "in.csv").write_text(TABLE)

    def make(**changes: Any) -> TranslateConfig:
        return TranslateConfig.from_mapping(
            {
                "input": (str(tmp_path / "in.csv"),),
                "to": ("de", "es"),
                "translator": f"lexicon:{tmp_path / 'words.csv'}",
                "out": tmp_path / "out" / "rows.jsonl",
            }
            | changes
        )

    return make


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def test_rows_come_out_in_the_row_form_with_the_inputs_own_columns(config: Config) -> None:
    settings = config()
    result = run_translate(settings)
    assert settings.out is not None
    written = read(settings.out)
    assert list(written[0]) == [*SCHEMA, "shop"]
    assert [row["id"] for row in written] == ["1@de", "2@de", "1@es", "2@es"]
    assert [row["text"] for row in written][:2] == ["Der Kaffee war gut.", "Der Kaffee war kalt."]
    assert written[2] == {
        "id": "1@es", "group_id": "1", "text": "El café estaba bueno.", "label": "5", "lang": "es",
        "source_lang": "en", "origin": "machine", "translator": "words", "score": None,
        "flags": [], "split": None, "original_id": "1", "shop": "A",
    }  # fmt: skip
    assert result.total("kept") == len(written)
    assert sorted(path.name for path in settings.out.parent.iterdir()) == [
        "rows.jsonl", "rows.jsonl.report.json",
    ]  # fmt: skip
    report = json.loads(settings.out.with_name("rows.jsonl.report.json").read_text())
    assert report["pairs"]["en>de"]["kept"] == 2


def test_originals_come_first_when_asked_for(config: Config) -> None:
    settings = config(with_originals=True)
    run_translate(settings)
    assert settings.out is not None
    rows = read(settings.out)
    assert [row["id"] for row in rows] == ["1", "2", "1@de", "2@de", "1@es", "2@es"]
    assert [row["origin"] for row in rows] == ["original"] * 2 + ["machine"] * 4


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_run_again_it_changes_nothing_and_says_that_it_is_done(
    config: Config, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"rows.{ending}"
    run_translate(config(out=out))
    before = (out.read_bytes(), out.stat().st_mtime_ns)
    said: list[str] = []

    class Listening:
        def say(self, message: str) -> None:
            said.append(message)

        def task(self, *_: object, **__: object) -> Any:
            from babelift.progress import quiet

            return quiet().task("", None)

    again = run_translate(config(out=out), Listening())  # type: ignore[arg-type]
    assert (out.read_bytes(), out.stat().st_mtime_ns) == before
    assert "complete already" in said[-1]
    assert again.tally.translated == 0


def test_what_a_translator_could_not_do_is_said_and_written(config: Config, tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text(LEXICON + "en,de,,Löffel\n")
    said: list[str] = []

    class Listening:
        def say(self, message: str) -> None:
            said.append(message)

        def task(self, *_: object, **__: object) -> Any:
            from babelift.progress import quiet

            return quiet().task("", None)

    settings = config()
    result = run_translate(settings, Listening())  # type: ignore[arg-type]
    [note] = result.notes
    assert "words.csv: 1 rows are not complete" in note
    assert note in said
    assert settings.out is not None
    report = json.loads(settings.out.with_name("rows.jsonl.report.json").read_text())
    assert report["notes"] == [note]


def test_labels_are_not_needed(config: Config, tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("text\nThe coffee was good.\n")
    settings = config(input=(str(tmp_path / "plain.csv"),), lang="en", to=("de",))
    run_translate(settings)
    assert settings.out is not None
    assert [row["label"] for row in read(settings.out)] == [None]


def test_other_settings_or_input_do_not_replace_an_output(config: Config, tmp_path: Path) -> None:
    settings = config()
    run_translate(settings)
    assert settings.out is not None
    before = settings.out.read_bytes()
    with pytest.raises(RunError, match="other settings or from another input"):
        run_translate(config(to=("de",)))
    (tmp_path / "in.csv").write_text(TABLE + "3,The coffee,1,en,B\n")
    with pytest.raises(RunError, match="other settings or from another input"):
        run_translate(config())
    assert settings.out.read_bytes() == before


def test_terms_stay_and_their_content_is_part_of_the_job(config: Config, tmp_path: Path) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("coffee\n", encoding="utf-8")
    settings = config(keep_terms=terms)
    run_translate(settings)
    assert settings.out is not None
    assert [row["text"] for row in read(settings.out)][:2] == [
        "Der coffee war gut.", "Der coffee war kalt."
    ]  # fmt: skip
    moved = terms.rename(tmp_path / "moved.txt")
    run_translate(config(keep_terms=moved))  # the same terms
    moved.write_text("good\n", encoding="utf-8")
    with pytest.raises(RunError):
        run_translate(config(keep_terms=moved))
    table = moved.rename(tmp_path / "terms.csv")
    with pytest.raises(RunError):
        run_translate(config(keep_terms=table, out=table))
    assert table.read_text(encoding="utf-8") == "good\n"


def test_an_output_that_was_changed_by_hand_is_not_replaced(config: Config) -> None:
    settings = config()
    run_translate(settings)
    assert settings.out is not None
    settings.out.write_text("mine now\n")
    with pytest.raises(RunError, match="has changed"):
        run_translate(settings)
    assert settings.out.read_text() == "mine now\n"


def test_bad_rows_are_listed_and_too_many_stop_the_job(config: Config, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(TABLE + "3,,1,en,C\n")
    settings = config()
    with pytest.raises(RejectsError):
        run_translate(settings)
    assert settings.out is not None
    rejects = settings.out.with_name("rows.jsonl.rejects.jsonl")
    assert [row["field"] for row in read(rejects)] == ["text"]
    assert not settings.out.exists()
    assert run_translate(config(max_rejects=0.5)).total("kept") == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": ()}, "no table"),
        ({"to": ()}, "no target language"),
        ({"out": None}, "no output"),
        ({"out": "rows.xlsx"}, "not known"),
        ({"translator": "m2m10"}, "m2m100"),
        ({"to": ("fr",)}, "en to fr"),
        ({"quality": "retry"}, "nothing to retry with"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    config: Config, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BabeliftError, match=words):
        run_translate(config(**changes))
    assert not (tmp_path / "out" / "rows.jsonl").exists()


def test_a_fallback_is_loaded_by_its_name(config: Config, tmp_path: Path) -> None:
    copying = tmp_path / "copying.csv"
    copying.write_text("source_lang,target_lang,source,target\nen,de,good,good\n")
    settings = config(
        to=("de",), translator=f"lexicon:{copying}", quality="retry",
        fallback=f"lexicon:{tmp_path / 'words.csv'}",
    )  # fmt: skip
    result = run_translate(settings)
    assert settings.out is not None
    assert result.pairs["en>de"].repaired == 2
    assert [row["text"] for row in read(settings.out)] == [
        "Der Kaffee war gut.",
        "Der Kaffee war kalt.",
    ]


def test_a_memory_that_cannot_be_used_stops_the_job(config: Config, cache_folder: Path) -> None:
    (cache_folder / "memory.sqlite").write_bytes(b"something else entirely" * 50)
    with pytest.raises(MemoryStoreError, match="not a database"):
        run_translate(config())


def test_translate_takes_a_frame_and_a_translator() -> None:
    rows = pl.DataFrame({"text": ["good coffee", "cold coffee"], "stars": [5, 1]})
    shout = FunctionTranslator(lambda text, source, target: f"{target}: {text[::-1]}")
    made = translate(rows, ["de", "fr"], shout, lang="en")
    assert made["id"].to_list() == ["0@de", "1@de", "0@fr", "1@fr"]
    assert made["group_id"].to_list() == ["0", "1", "0", "1"]
    assert made["text"][0] == "de: eeffoc doog"
    assert made["stars"].to_list() == [5, 1, 5, 1]
    with Memory() as memory:
        assert len(memory) == 4


def test_translate_is_the_packages_own_name_too() -> None:
    rows = pl.DataFrame({"text": ["good coffee"], "lang": ["en"]})
    shout = FunctionTranslator(lambda text, source, target: text[::-1])
    for _ in range(2):
        assert babelift.translate(rows, "de", shout)["text"].to_list() == ["eeffoc doog"]  # type: ignore[operator]


def test_translate_names_a_language_that_is_not_known() -> None:
    with pytest.raises(LanguageError, match="did you mean 'ja'"):
        translate(pl.DataFrame({"text": ["a"]}), "jp", FunctionTranslator(str), lang="en")
    with pytest.raises(ConfigError, match="'quality'"):
        translate(pl.DataFrame({"text": ["a"]}), "de", "m2m100", quality="best", lang="en")  # type: ignore[arg-type]


SERVICE = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    down = os.path.exists(os.path.join(os.path.dirname(__file__), "down"))
    text = "ERROR: no service" if down and "good" in asked["text"] else asked["text"][::-1]
    print(json.dumps({"id": asked["id"], "translation": text}), flush=True)
"""


@pytest.fixture
def service(config: Config, tmp_path: Path) -> TranslateConfig:
    """Translating with a service that fails on some texts while the file `down` is there."""
    program = tmp_path / "service.py"
    program.write_text(SERVICE)
    return config(translator=f"command:'{sys.executable}' '{program}'", to=("de",))


def test_an_output_with_failed_answers_is_mended_when_the_service_is_back(
    service: TranslateConfig, tmp_path: Path
) -> None:
    down, out = tmp_path / "down", service.out
    assert out is not None
    down.touch()
    assert run_translate(service).tally.failed == 1
    assert [row["flags"] for row in read(out)] == [["error"], []]
    again = run_translate(service)
    assert (again.tally.failed, again.tally.from_memory) == (1, 1)
    assert [row["flags"] for row in read(out)] == [["error"], []]
    down.unlink()
    mended = run_translate(service)
    assert (mended.tally.failed, mended.tally.translated, mended.tally.from_memory) == (0, 1, 1)
    assert [row["text"] for row in read(out)] == [
        ".doog saw eeffoc ehT", ".dloc saw eeffoc ehT",
    ]  # fmt: skip
    report = json.loads(out.with_name(f"{out.name}.report.json").read_text())
    assert (report["failed"], report["pairs"]["en>de"]["flags"]) == (0, {})
    assert run_translate(service).tally.from_memory == 2


def test_an_output_with_one_answer_for_many_texts_is_mended_too(
    config: Config, tmp_path: Path
) -> None:
    """Whatever the answer says: no list of messages has it."""
    texts = ["the soup", *(f"{'the soup was cold and ' * n}it is {n}" for n in range(1, 40))]
    rows = pl.DataFrame({"id": [f"r{n}" for n in range(40)], "text": texts, "lang": "en"})
    rows.with_columns(label=pl.lit("1")).write_csv(tmp_path / "in.csv")
    program = tmp_path / "service.py"
    said = SERVICE.replace('"ERROR: no service"', '"Bitte den Tarif wechseln"')
    program.write_text(said.replace('"good" in', '"3" in'))
    settings = config(translator=f"command:'{sys.executable}' '{program}'", to=("de",))
    assert settings.out is not None
    (tmp_path / "down").touch()
    assert run_translate(settings).pairs["en>de"].flags["shared"] == 13
    (tmp_path / "down").unlink()
    mended = run_translate(settings)
    assert (mended.tally.translated, mended.tally.from_memory) == (13, 27)
    assert [row["text"] for row in read(settings.out)] == [text[::-1] for text in texts]


def test_an_output_with_failed_answers_that_was_changed_by_hand_is_not_replaced(
    service: TranslateConfig, tmp_path: Path
) -> None:
    assert service.out is not None
    (tmp_path / "down").touch()
    run_translate(service)
    service.out.write_text("mine now\n")
    with pytest.raises(RunError, match="has changed"):
        run_translate(service)
    assert service.out.read_text() == "mine now\n"


def test_fresh_asks_for_everything_again_and_replaces_what_is_remembered(config: Config) -> None:
    rows = pl.DataFrame({"text": ["It is good.", "It broke."], "lang": "en"})
    answers = iter(["alt 1", "alt 2", "neu 1", "neu 2"])
    translator = FunctionTranslator(lambda *_: next(answers))

    def texts(**how: Any) -> list[str]:
        return translate(rows, "de", translator, **how)["text"].to_list()

    old, new = {"alt 1", "alt 2"}, {"neu 1", "neu 2"}
    assert [set(texts()), set(texts())] == [old, old]
    assert [set(texts(fresh=True)), set(texts())] == [new, new]
    settings = config()
    run_translate(settings)
    again = run_translate(settings, fresh=True)
    assert (again.tally.translated, again.tally.from_memory) == (4, 0)


def test_fresh_is_said_of_the_memory_in_the_cache_alone(tmp_path: Path) -> None:
    with (
        Memory(tmp_path / "memory.sqlite") as memory,
        pytest.raises(ConfigError, match="'memory' is set too"),
    ):
        translate(pl.DataFrame({"text": ["a"]}), "de", "mini", lang="en", memory=memory, fresh=True)


class Said:
    """A progress that keeps what is said."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def __getattr__(self, name: str) -> Any:
        return getattr(quiet(), name)


def test_what_tags_are_reduced_to_is_said_once_and_written(config: Config, tmp_path: Path) -> None:
    table = TABLE.replace(",en,", ",en-US,", 1).replace(",en,", ",en_GB,")
    (tmp_path / "in.csv").write_text(table)
    said = Said()
    settings = config(to=("de-AT", "de-CH"))
    run_translate(settings, said)  # type: ignore[arg-type]
    of_tags = [sentence for sentence in said.sentences if "language tags are reduced" in sentence]
    assert [sentence.partition(": ")[2] for sentence in of_tags] == [
        "'de-AT' and 'de-CH' to 'de' (German)",
        "'en-US' and 'en_GB' to 'en' (English); column 'input_lang' keeps the whole tags",
    ]
    report = json.loads((tmp_path / "out" / "rows.jsonl.report.json").read_text())
    assert [note for note in report["notes"] if "reduced" in note] == of_tags
    rows = read(tmp_path / "out" / "rows.jsonl")
    assert [(row["id"], row["lang"], row["input_lang"]) for row in rows] == [
        ("1@de", "de", "en-US"), ("2@de", "de", "en-GB"),
    ]  # fmt: skip


def test_a_frame_is_in_the_languages_that_it_names() -> None:
    backwards = FunctionTranslator(lambda text, source, target: f"{source}>{target}: {text}")
    frame = pl.DataFrame(
        {"text": ["a b", "c d"], "lang": ["English", "de"], "my_lang": ["ja", "en"]}
    )
    with pytest.warns(BabeliftWarning, match="not from --lang fr"):
        made = translate(frame, "es", backwards, lang="fr")
    assert made["source_lang"].to_list() == ["en", "de"]
    named = translate(frame, "es", backwards, lang="my_lang")
    assert sorted(named["source_lang"]) == ["en", "ja"]
    with pytest.warns(BabeliftWarning, match="'pt-BR' and 'pt-PT' to 'pt'"):
        assert translate(frame, ["pt-BR", "pt-PT"], backwards)["lang"].to_list() == ["pt"] * 2
    with pytest.raises(LanguageError, match="neither a column"):
        translate(frame, "es", backwards, lang="no-lang")
    with pytest.raises(LanguageError, match="did you mean 'no'"):
        translate(frame, "no-thanks", backwards)
