"""The driver translates each segment once, keeps what is finished, and counts everything."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.config import QualityAction
from babelift.corpus.rows import SCHEMA, originals
from babelift.errors import ConfigError, DataError, LanguageError, TranslationError
from babelift.testing import FunctionTranslator
from babelift.translation import segments as windows
from babelift.translation.driver import TranslatedRows
from babelift.translation.memory import Memory
from babelift.translation.protocol import Translation
from tests.support.driver import translate_rows

WORDS = {"good": "gut", "bad": "schlecht", "the": "der", "coffee": "Kaffee", "was": "war"}


def german(text: str, source: str = "en", target: str = "de") -> str:
    """Word by word, so that checks see a translation."""
    return " ".join(WORDS.get(word.lower(), word[::-1]) for word in text.split())


def rows_of(texts: Sequence[str], lang: str = "en") -> pl.DataFrame:
    ids = [f"{lang}{number}" for number in range(len(texts))]
    return originals(
        ids=ids,
        texts=list(texts),
        labels=[str(n % 2) for n in range(len(texts))],
        langs=[lang] * len(texts),
        split="train",
    )


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory.sqlite") as memory:
        yield memory


class Shown:
    """Remembers what would be shown."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int | None, str]] = []
        self.advanced: list[float] = []
        self.said: list[str] = []

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "rows") -> Iterator["Shown"]:
        self.tasks.append((description, total, unit))
        self.advanced.append(0)
        yield self

    def advance(self, amount: float = 1) -> None:
        self.advanced[-1] += amount

    def describe(self, text: str) -> None: ...

    def say(self, message: str) -> None:
        self.said.append(message)


def test_a_translation_is_a_row_made_from_its_original(memory: Memory) -> None:
    rows = rows_of(["The coffee was good. It was bad!"]).with_columns(pl.lit(7).alias("stars"))
    made = translate_rows(rows, ["de"], FunctionTranslator(german), memory=memory).rows
    assert made.columns == [*SCHEMA, "stars"]
    assert dict(zip(made.columns, made.row(0), strict=True)) == {
        "id": "en0@de", "group_id": "en0", "text": "der Kaffee war .doog tI war !dab",
        "label": "0", "lang": "de", "source_lang": "en", "origin": "machine",
        "translator": "function", "score": None, "flags": [], "split": "train",
        "original_id": "en0", "stars": 7,
    }  # fmt: skip


def test_a_trusted_translator_gives_reference_rows(memory: Memory) -> None:
    translator = FunctionTranslator(german)
    translator.origin = "reference"  # type: ignore[attr-defined]
    made = translate_rows(rows_of(["The coffee was good."]), ["de"], translator, memory=memory)
    assert made.rows["origin"].to_list() == ["reference"]


def test_rows_come_by_source_then_target_then_as_they_were(memory: Memory) -> None:
    rows = pl.concat([rows_of(["a good day", "a bad day"]), rows_of(["ein Tag"], "de")])
    rows = rows[[0, 2, 1]]
    translator = FunctionTranslator(lambda text, source, target: f"{text} {source} {target}")
    made = translate_rows(rows, ["de", "fr", "en"], translator, memory=memory, quality="keep")
    assert made.rows["id"].to_list() == [
        "en0@de", "en1@de", "en0@fr", "en1@fr", "de0@fr", "de0@en",
    ]  # fmt: skip
    assert list(made.report.pairs) == ["en>de", "en>fr", "de>fr", "de>en"]


def test_a_text_that_occurs_twice_is_translated_once(memory: Memory) -> None:
    translator = FunctionTranslator(german)
    rows = rows_of(["Good coffee. Bad day.", "Bad day.", "Good coffee. Bad day."])
    report = translate_rows(rows, ["de"], translator, memory=memory).report.to_dict()
    assert sorted(translator.seen) == ["Bad day.", "Good coffee."]
    counts = {name: report[name] for name in ("segments", "translated", "duplicates")}
    assert counts == {"segments": 5, "translated": 2, "duplicates": 3}
    assert report["from_memory"] == 0


def test_what_is_in_the_memory_never_reaches_the_translator(memory: Memory) -> None:
    rows = rows_of(["Good coffee.", "Bad day."])
    first = translate_rows(rows, ["de"], FunctionTranslator(german), memory=memory)
    again = FunctionTranslator(german)
    more = pl.concat([rows, rows_of(["A new day.", "Good coffee."], "en").with_columns(
        pl.col("id") + "b")])  # fmt: skip
    second = translate_rows(more, ["de"], again, memory=memory)
    assert again.seen == ["A new day."]
    assert second.rows["text"].to_list()[:2] == first.rows["text"].to_list()
    assert (second.report.tally.from_memory, second.report.tally.duplicates) == (3, 0)
    other = FunctionTranslator(german, name="other settings")
    translate_rows(rows, ["de"], other, memory=memory)
    assert len(other.seen) == 2


@pytest.mark.parametrize("answer", ["", " ", "ERROR: out of quota", "503 Service Unavailable"])
def test_a_failed_answer_is_not_kept_and_is_asked_for_again(memory: Memory, answer: str) -> None:
    rows = rows_of(["Good coffee.", "Bad day.", "Good coffee."])
    down = FunctionTranslator(lambda text, *_: german(text) if "Bad" in text else answer)
    first = translate_rows(rows, ["de"], down, memory=memory, quality="keep")
    assert first.report.tally.failed == 1
    assert any("not kept in the memory" in note for note in first.report.notes)
    assert len(memory) == 1
    up = FunctionTranslator(german)
    second = translate_rows(rows, ["de"], up, memory=memory, quality="keep")
    assert second.rows["text"].to_list() == [german(text) for text in rows["text"]]
    assert up.seen == ["Good coffee."]
    assert (second.report.tally.from_memory, second.report.notes) == (1, [])


@pytest.mark.parametrize("character", ["\0", "\x1b"])
def test_a_translation_that_no_table_may_hold_is_neither_kept_nor_handed_on(
    memory: Memory, character: str
) -> None:
    rows = rows_of(["Good coffee.", "Bad day."])
    broken = FunctionTranslator(
        lambda text, *_: german(text) + (character if "Bad" in text else "")
    )
    made = translate_rows(rows, ["de"], broken, memory=memory, quality="keep")
    assert made.rows["text"].to_list() == [german("Good coffee.")]
    counts = made.report.pairs["en>de"]
    assert (counts.kept, counts.dropped, counts.flags["characters"]) == (1, 1, 1)
    assert len(memory) == 1


def test_a_failed_answer_that_was_kept_before_is_asked_for_again(memory: Memory) -> None:
    rows = rows_of(["Good coffee.", "😀", "Bad day."])
    old = {"Good coffee.": Translation(""), "😀": Translation("😀"), "Bad day.": Translation("x")}
    memory.put_many(old, "en", "de", "function")
    translator = FunctionTranslator(german)
    made = translate_rows(rows, ["de"], translator, memory=memory, quality="keep")
    assert made.rows["text"].to_list() == [german("Good coffee."), "😀", "x"]
    assert translator.seen == ["Good coffee."]
    assert len(memory) == 3


def test_a_part_beside_a_name_may_become_nothing_and_has_not_failed(memory: Memory) -> None:
    words = {"The": "", "The @cafe was good": "Das Kaffeehaus war gut", "was good": "war gut"}
    translator = FunctionTranslator(lambda text, *_: words[text])
    made = translate_rows(rows_of(["The @cafe was good"]), ["ja"], translator, memory=memory,
                          quality="keep")  # fmt: skip
    assert "@cafe" in made.rows["text"][0]
    assert (made.report.tally.failed, made.report.notes) == (0, [])


def test_a_damaged_translation_is_made_again_and_counted(memory: Memory) -> None:
    rows = rows_of(["Good coffee.", "Bad day."])
    translate_rows(rows, ["de"], FunctionTranslator(german), memory=memory)
    memory._db.execute("UPDATE entries SET text = CAST('Tee' AS BLOB) WHERE number = 1")
    again = FunctionTranslator(german)
    made = translate_rows(rows, ["de"], again, memory=memory)
    assert made.rows["text"].to_list() == [german(text) for text in rows["text"]]
    assert len(again.seen) == 1
    assert any("damaged in the memory and were made again: 1" in note for note in made.report.notes)


def test_repeats_are_counted_as_such_across_windows(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW", 2)
    translator = FunctionTranslator(german)
    texts = ["Good coffee.", "Bad day.", "Good coffee.", "The coffee.", "Bad day."]
    made = translate_rows(rows_of(texts), ["de"], translator, memory=memory)
    assert made.rows["text"].to_list() == [german(text) for text in texts]
    assert len(translator.seen) == 3
    assert (made.report.tally.duplicates, made.report.tally.from_memory) == (2, 0)


TEXT = st.lists(
    st.sampled_from(["Good coffee.", "Bad day!", "😀", "5/5", "\n", " ", "It was the day."]),
    min_size=1, max_size=6,
).map("".join)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    texts=st.lists(TEXT.filter(str.strip), min_size=1, max_size=12),
    budget=st.integers(1, 40),
    window=st.integers(1, 5),
    known=st.integers(0, 12),
)
def test_the_output_does_not_depend_on_batches_or_on_what_was_done_before(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    budget: int,
    window: int,
    known: int,
) -> None:
    folder = tmp_path_factory.mktemp("memory")
    rows = rows_of(texts)
    with Memory(folder / "one.sqlite") as memory:
        whole = translate_rows(rows, ["de", "ja"], FunctionTranslator(german), memory=memory)
    with pytest.MonkeyPatch.context() as patch, Memory(folder / "two.sqlite") as memory:
        patch.setattr(windows, "WINDOW", window)
        if known:
            translate_rows(rows[:known], ["ja"], FunctionTranslator(german), memory=memory)
        parts = translate_rows(
            rows, ["de", "ja"], FunctionTranslator(german), memory=memory, batch_tokens=budget
        )
    assert parts.rows.equals(whole.rows)


class Breaking(FunctionTranslator):
    """Fails, or is stopped, at a given text."""

    def __init__(self, at: int, error: BaseException) -> None:
        super().__init__(german)
        self.at, self.error = at, error

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        for made in super().translate(texts, source_lang, target_lang):
            if len(self.seen) == self.at:
                raise self.error
            yield made


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TranslationError("it broke")])
def test_batches_before_a_stop_are_kept_and_sent_batches_stay_the_same(
    memory: Memory, error: BaseException
) -> None:
    texts = [f"number {random.Random(n).random()} " + "good " * (n % 7) for n in range(40)]
    whole = FunctionTranslator(german)
    with Memory(memory.path.with_name("other.sqlite")) as other:
        expected = translate_rows(rows_of(texts), ["de"], whole, memory=other, batch_tokens=50)
    shown = Shown()
    broken = Breaking(23, error)
    with pytest.raises(type(error)):
        translate_rows(
            rows_of(texts), ["de"], broken, memory=memory, batch_tokens=50, progress=shown
        )
    kept = len(memory)
    assert 0 < kept < 23
    resumed = FunctionTranslator(german)
    made = translate_rows(rows_of(texts), ["de"], resumed, memory=memory, batch_tokens=50)
    assert whole.seen[:kept] == broken.seen[:kept]
    assert resumed.seen == whole.seen[kept:]
    assert made.rows.equals(expected.rows)
    if isinstance(error, KeyboardInterrupt):
        assert "run the same command again" in shown.said[0]
        assert str(memory.path) in shown.said[0]


def test_pairs_that_are_not_possible_are_refused_before_any_work(memory: Memory) -> None:
    translator = FunctionTranslator(german, pairs=[("en", "es"), ("en", "de"), ("fr", "es")])
    with pytest.raises(LanguageError, match=r"en to ja; from en it goes to: de, es"):
        translate_rows(rows_of(["Good."]), ["de", "ja"], translator, memory=memory)
    with pytest.raises(LanguageError, match=r"ja to de; it translates from: en, fr"):
        translate_rows(rows_of(["良い。"], "ja"), ["de"], translator, memory=memory)
    assert translator.seen == []


def test_unknown_languages_and_missing_columns_are_named(memory: Memory) -> None:
    translator = FunctionTranslator(german)
    with pytest.raises(LanguageError, match="did you mean 'ja'"):
        translate_rows(rows_of(["Good."]), ["jp"], translator, memory=memory)
    with pytest.raises(DataError, match="'text' is missing; did you mean 'texts'"):
        translate_rows(
            pl.DataFrame({"id": ["1"], "texts": ["Good."], "lang": ["en"]}),
            ["de"], translator, memory=memory,
        )  # fmt: skip
    rows = pl.DataFrame({"id": ["1", "2"], "text": ["Good.", None], "lang": ["en", "en"]})
    with pytest.raises(DataError, match="row 2: column 'text'"):
        translate_rows(rows, ["de"], translator, memory=memory)


def test_tags_with_regions_are_the_language(memory: Memory) -> None:
    rows = rows_of(["The coffee was good."]).with_columns(pl.lit("en-GB").alias("lang"))
    made = translate_rows(rows, ["de-CH", "en"], FunctionTranslator(german), memory=memory).rows
    assert made.select("lang", "source_lang").rows() == [("de", "en")]


def test_missing_translations_are_counted_dropped_and_asked_for_again(memory: Memory) -> None:
    def some(text: str, source: str, target: str) -> str | None:
        return None if "bad" in text else german(text)

    rows = rows_of(["The good coffee. The bad day.", "The good coffee."])
    made = translate_rows(rows, ["de"], FunctionTranslator(some), memory=memory, quality="keep")
    assert made.rows["id"].to_list() == ["en1@de"]
    report = made.report.to_dict()
    assert report["missing"] == 1
    assert report["pairs"]["en>de"]["missing"] == 1
    assert report["segments"] == 3
    again = FunctionTranslator(some)
    translate_rows(rows, ["de"], again, memory=memory)
    assert again.seen == ["The bad day."]


def test_a_translator_that_returns_too_few_is_named(memory: Memory) -> None:
    class Short(FunctionTranslator):
        def translate(self, texts: Sequence[str], *pair: str) -> Iterator[Translation]:
            yield Translation("one")

    with pytest.raises(TranslationError, match=r"'function' was given 2 texts .* returned 1"):
        translate_rows(rows_of(["Good.", "Bad."]), ["de"], Short(german), memory=memory)


@pytest.mark.parametrize("character", ["\ud83d", "\x00", "\x08", "\x7f"])
@pytest.mark.parametrize("quality", ["keep", "drop"])
def test_what_no_table_may_hold_is_neither_written_nor_remembered(
    memory: Memory, character: str, quality: QualityAction
) -> None:
    answers = {"Good thing.": f"gut {character}", "Bad thing.": "schlecht"}
    translator = FunctionTranslator(lambda text, *_: answers[text])
    rows = rows_of(["Good thing.", "Bad thing."])
    made = translate_rows(rows, ["de"], translator, memory=memory, quality=quality)
    assert made.rows["text"].to_list() == ["schlecht"]
    counts = made.report.pairs["en>de"]
    assert (counts.rows, counts.kept, counts.dropped) == (2, 1, 1)
    assert counts.flags == {"characters": 1}
    answers["Good thing."] = "gut"
    again = translate_rows(rows, ["de"], translator, memory=memory, quality=quality)
    assert again.rows["text"].to_list() == ["gut", "schlecht"]


def test_truncation_is_flagged_and_remembered_but_no_reason_to_drop(memory: Memory) -> None:
    class Cutting(FunctionTranslator):
        def translate(self, texts: Sequence[str], *pair: str) -> Iterator[Translation]:
            for text in texts:
                self.seen.append(text)
                yield Translation(german(text), truncated="coffee" in text)

    rows = rows_of(["The good coffee. A good day.", "A good day."])
    for _ in range(2):
        made = translate_rows(rows, ["de"], Cutting(german), memory=memory)
        assert made.rows["flags"].to_list() == [["truncated"], []]
        assert made.report.to_dict()["truncated"] == 1
        assert made.report.pairs["en>de"].flags == {}


def test_long_sentences_are_split_and_counted(memory: Memory) -> None:
    class Narrow(FunctionTranslator):
        max_input_tokens = 12

        def count_tokens(
            self, texts: Sequence[str], source_lang: str, target_lang: str
        ) -> list[int]:
            return [len(text.split()) for text in texts]

    translator = Narrow(lambda text, *_: text.upper())
    text = "one two three four five six seven, eight nine ten eleven twelve thirteen fourteen. End."
    made = translate_rows(rows_of([text]), ["de"], translator, memory=memory, quality="keep")
    assert made.rows["text"].to_list() == [text.upper()]
    assert max(len(seen.split()) for seen in translator.seen) <= 12
    assert made.report.to_dict()["split"] == 1
    assert len(translator.seen) == 3


def test_whole_texts_are_sent_whole_to_a_translator_of_texts(memory: Memory) -> None:
    translator = FunctionTranslator(german, unit="text")
    rows = rows_of(["Good coffee. Bad day.\nEnd.", "😀"])
    made = translate_rows(rows, ["de"], translator, memory=memory)
    assert translator.seen == ["Good coffee. Bad day.\nEnd."]
    assert made.rows["text"].to_list()[1] == "😀"


def test_faults_are_kept_with_flags_or_dropped(memory: Memory) -> None:
    def partly(text: str, source: str, target: str) -> str:
        return text if "bad" in text else german(text)

    rows = rows_of(["the coffee was bad today", "the coffee was good today"])
    translator = FunctionTranslator(partly)
    kept = translate_rows(rows, ["de"], translator, memory=memory, quality="keep")
    assert kept.rows["flags"].to_list() == [["copy"], []]
    dropped = translate_rows(rows, ["de"], translator, memory=memory, quality="drop")
    assert dropped.rows["id"].to_list() == ["en1@de"]
    counts = dropped.report.to_dict()["pairs"]["en>de"]
    assert counts == {
        "rows": 2, "kept": 1, "dropped": 1, "missing": 0, "retried": 0, "repaired": 0,
        "truncated": 0, "faulty": 1, "flags": {"copy": 1},
    }  # fmt: skip
    assert dropped.report.to_dict()["examples"] == [
        {"flag": "copy", "source_lang": "en", "lang": "de",
         "source_text": "the coffee was bad today", "text": "the coffee was bad today"}
    ]  # fmt: skip


def test_examples_are_at_most_three_for_each_fault_and_pair(memory: Memory) -> None:
    days = ["one", "two", "three", "four"]
    rows = rows_of([f"the coffee was bad on day {day}" for day in days])
    copier = FunctionTranslator(lambda text, *_: text)
    made = translate_rows(rows, ["de", "fr"], copier, memory=memory)
    assert [example.lang for example in made.report.examples] == ["de"] * 3 + ["fr"] * 3
    assert made.report.pairs["en>de"].flags == {"copy": 4}


def test_a_sentence_that_comes_back_empty_is_a_fault(memory: Memory) -> None:
    translator = FunctionTranslator(lambda text, *_: "" if "bad" in text else german(text))
    rows = rows_of(["The coffee was good and hot, really. A bad one.", "The coffee was good."])
    made = translate_rows(rows, ["de"], translator, memory=memory, quality="keep")
    assert made.rows["flags"].to_list() == [["sentences"], []]


def copies_bad(text: str, source: str, target: str) -> str:
    return text if "bad" in text else german(text)


def retry(memory: Memory, texts: list[str], **more: FunctionTranslator) -> TranslatedRows:
    return translate_rows(
        rows_of(texts), ["de"], FunctionTranslator(copies_bad), memory=memory, quality="retry",
        **more,
    )  # fmt: skip


def test_a_fallback_repairs_what_it_can_and_the_rest_is_dropped(memory: Memory) -> None:
    def second(text: str, source: str, target: str) -> str:
        return text if "awful" in text else "zweite " + german(text)

    fallback = FunctionTranslator(second, name="second")
    texts = ["the coffee was good today", "the coffee was bad today", "the bad coffee was awful"]
    made = retry(memory, texts, fallback=fallback)
    assert made.rows.select("id", "translator").rows() == [
        ("en0@de", "function"), ("en1@de", "second"),
    ]  # fmt: skip
    assert made.rows["flags"].to_list() == [[], []]
    assert sorted(fallback.seen) == sorted(texts[1:])
    counts = made.report.pairs["en>de"]
    assert (counts.retried, counts.repaired, counts.kept, counts.dropped) == (2, 1, 2, 1)
    assert counts.flags == {"copy": 2}
    assert made.report.to_dict()["fallback"]["translator"] == "second"


def test_other_decoding_is_tried_before_the_fallback(memory: Memory) -> None:
    fallback = FunctionTranslator(german, name="second")

    class Varied(FunctionTranslator):
        def variant(self) -> FunctionTranslator:
            return FunctionTranslator(german, name="first, with beams")

    made = translate_rows(
        rows_of(["the coffee was bad today"]), ["de"], Varied(copies_bad), memory=memory,
        quality="retry", fallback=fallback,
    )  # fmt: skip
    assert made.rows["translator"].to_list() == ["first, with beams"]
    assert fallback.seen == []


def test_a_fallback_that_lacks_the_pair_or_the_text_repairs_nothing(memory: Memory) -> None:
    other = FunctionTranslator(german, pairs=[("en", "fr")])
    assert retry(memory, ["the coffee was bad today"], fallback=other).rows.height == 0
    nothing = FunctionTranslator(lambda *_: None, name="nothing")
    assert retry(memory, ["the coffee was bad today"], fallback=nothing).rows.height == 0


def test_retry_with_nothing_to_retry_with_is_refused(memory: Memory) -> None:
    with pytest.raises(ConfigError, match="nothing to retry with"):
        retry(memory, ["Good."])


def test_progress_counts_segments_for_each_pair(memory: Memory) -> None:
    shown = Shown()
    rows = rows_of(["Good coffee. Bad day.", "Good coffee. 😀", "5"])
    translate_rows(rows, ["de", "fr"], FunctionTranslator(german), memory=memory, progress=shown)
    assert shown.tasks == [("en → de", 3, "segments"), ("en → fr", 3, "segments")]
    assert shown.advanced == [3, 3]


def test_rows_in_the_target_language_alone_give_nothing(memory: Memory) -> None:
    made = translate_rows(
        rows_of(["Gut."], "de"), ["de"], FunctionTranslator(german), memory=memory
    )
    assert made.rows.height == 0
    assert made.rows.schema == rows_of(["a"]).schema
    assert made.report.pairs == {}


def test_a_translator_that_names_languages_otherwise_is_told_so(memory: Memory) -> None:
    other = FunctionTranslator(german, pairs=[("en", "pt_BR")])
    rows = rows_of(["good"])
    with pytest.raises(LanguageError, match="Its own 'pt_BR' is none of the tags"):
        translate_rows(rows, ["pt-BR"], other, memory=memory)


SENTENCES = [f"The {'very ' * (n % 9)}cold soup number {'x' * n} was served." for n in range(60)]


@pytest.mark.parametrize("quality", ["keep", "drop"])
def test_a_translator_that_answers_most_texts_alike_is_stopped_before_the_end(
    memory: Memory, quality: QualityAction
) -> None:
    calls = []

    def quota(text: str, *_: str) -> str:
        calls.append(text)
        return f"Come back tomorrow ({len(calls)})" if len(calls) % 3 else text.upper()

    with pytest.raises(TranslationError, match=r"same answer to \d+ of \d+ .*Come back tomorrow"):
        translate_rows(
            rows_of(SENTENCES), ["de"], FunctionTranslator(quota), memory=memory, quality=quality,
            batch_tokens=300,
        )  # fmt: skip
    assert len(calls) < len(SENTENCES)
    # What it stored before it was noticed is not believed: the service is up again.
    good = FunctionTranslator(lambda text, *_: text.replace("The", "Die").replace("cold", "kalte"))
    made = translate_rows(rows_of(SENTENCES), ["de"], good, memory=memory, quality="keep").rows
    assert not any("Come back" in text for text in made["text"])


def test_an_answer_for_some_of_many_texts_is_a_flag_and_asked_for_again(memory: Memory) -> None:
    up: list[bool] = []

    def sometimes(text: str, *_: str) -> str:
        return f"Dort {text}" if up or len(text) % 4 else "Sorry, no more credit for today"

    translator = FunctionTranslator(sometimes)
    rows = rows_of(SENTENCES)
    down = translate_rows(rows, ["de"], translator, memory=memory, quality="keep")
    alike = down.rows.filter(pl.col("text").str.starts_with("Sorry"))
    assert alike.height > 4
    assert all("shared" in flags for flags in alike["flags"])
    dropped = translate_rows(rows, ["de"], translator, memory=memory, quality="drop")
    assert not dropped.rows["text"].str.starts_with("Sorry").any()
    up.append(True)
    translated = translate_rows(rows, ["de"], translator, memory=memory, quality="keep")
    assert not translated.rows["text"].str.starts_with("Sorry").any()
    assert translated.report.tally.translated == alike.height


def test_text_escaped_as_html_is_unescaped_where_the_source_is_not(memory: Memory) -> None:
    answers = {"I see the water.": "Je vois l&#39;eau.", "AT&amp;T is big.": "AT&amp;T est grand."}
    translator = FunctionTranslator(lambda text, *_: answers[text])
    made = translate_rows(rows_of(list(answers)), ["fr"], translator, memory=memory, quality="keep")
    assert made.rows["text"].to_list() == ["Je vois l'eau.", "AT&amp;T est grand."]
    assert not any("lost" in flags for flags in made.rows["flags"])
