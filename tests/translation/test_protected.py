"""What must stay as it is comes through every translator, in the right number; else it is said."""

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.corpus.rows import originals
from babelift.errors import ConfigError
from babelift.progress import quiet
from babelift.testing import FunctionTranslator
from babelift.translation.job import translate
from babelift.translation.memory import Memory
from babelift.translation.protected import NOTHING, Protected, read_terms
from babelift.translation.protocol import Translator
from babelift.translation.segments import Lane, Result, Tally, translate_texts
from tests.support.driver import translate_rows

KINDS = {
    "link": ["http://ex.com/a?b=c", "https://t.co/x_y#z", "www.house.de/good", "bit.ly/water",
             "ftp://x.y/z"],
    "mail": ["john.doe@house.org", "a+b@c.de", "mailto:me@good.com"],
    "name": ["@user", "@the_good", "@小明"],
    "tag": ["#love", "#good_house", "#東京"],
    "placeholder": ["{}", "{0}", "{name}", "${x}", "{{x}}", "%s", "%d", "%(name)s", "%1$s",
                    "{price:.2f}"],
    "markup": ["<b>", "</b>", "<br/>", "<a href='house'>", "<!-- good -->"],
    "entity": ["&amp;", "&#39;", "&#x27;", "&nbsp;"],
    "emoji": ["😀", "👩\u200d👧", "🇩🇪", "👍🏽", "1\ufe0f\u20e3", "❤\ufe0f",
              "🏴\U000e0067\U000e0062\U000e007f"],
    "term": ["Galaxy Fold", "good book", "C#", "東京"],
}  # fmt: skip
TERMS = Protected(KINDS["term"])
SPANS = [span for spans in KINDS.values() for span in spans]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    return Memory(tmp_path_factory.mktemp("memory") / "memory.db")


@pytest.mark.parametrize("span", SPANS)
def test_each_kind_is_found_whole_in_a_sentence(span: str) -> None:
    for text in (f"I see {span} here.", span, f"({span}), {span}!", f"見る {span}。"):
        found = list(TERMS.find(text))
        assert found == [span] * text.count(span), text
        assert "".join(part for part, _ in TERMS.split(text)) == text


@pytest.mark.parametrize("text", [
    "100% sure, 50%discount", "#1 of 5", "I <3 you, a < b > c", "5 * (3 + 4) = 35 & more",
    "e.g. the U.S. and/or Mr.Smith", "user@ @ # & % { } $5", "{not a placeholder}", "AT&T; R&D",
    "12:30, 3.5", "Galaxy Folds, a good bookcase", "Samsung™ ©",
])  # fmt: skip
def test_what_only_looks_alike_is_text(text: str) -> None:
    assert list(TERMS.find(text)) == []


def test_the_longest_term_counts_and_only_whole_words_where_there_are_words() -> None:
    protected = Protected(["New", "New York", "caf\u00e9", "東"])
    assert list(protected.find("New York, Newer, New; cafe\u0301 東京")) == [
        "New York", "New", "cafe\u0301", "東"
    ]  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(
    st.text(
        st.one_of(st.sampled_from("@#&{}<>%$;/.:w ht1\ufe0f\u20e3😀🇩\u200d東"), st.characters())
    )
)
def test_the_parts_of_any_text_joined_are_the_text(text: str) -> None:
    assert "".join(part for part, _ in TERMS.split(text)) == text
    assert TERMS.survive(text, text)


def test_a_hundred_thousand_characters_are_searched_quickly() -> None:
    for part in ("a@", "www.", "http://.", "<a ", "<!--", "{", "😀", "%(a", "#_", "🇩", "a.", "&#1"):
        list(TERMS.find(part * 50_000))  # the tests' time limit is the judge


def run(
    texts: list[str], translator: Translator, memory: Memory, target: str = "de"
) -> list[Result]:
    lane = Lane(translator, memory, "en", target, 512, memory.newest(), TERMS)
    with quiet().task("", None) as task:
        return list(translate_texts(texts, lane, Tally(), task))


WORDS = st.sampled_from(["good", "the house.", "It", "and", "water,", "«so»", "Dr.", "\n", "(I"])
MIXED = st.lists(
    st.tuples(st.one_of(WORDS, st.sampled_from(SPANS)), st.sampled_from([" ", " ", ""])), max_size=9
).map(lambda parts: "".join(part + gap for part, gap in parts))

MANGLERS: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "drops": lambda words, chance: [word for word in words if chance.random() < 0.6],
    "doubles": lambda words, chance: [word for word in words for _ in range(chance.randint(1, 2))],
    "reorders": lambda words, chance: chance.sample(words, len(words)),
    "capitals": lambda words, chance: [word.upper() for word in words],
    "joins": lambda words, chance: ["".join(words)],
    "widens": lambda words, chance: [word.replace("@", "＠").replace("<", "＜") for word in words],
    "letters": lambda words, chance: ["x".join(word) for word in words],
    "silent": lambda words, chance: [],
}


@settings(deadline=None, max_examples=400)
@given(
    text=MIXED, how=st.sampled_from(sorted(MANGLERS)), seed=st.integers(0, 9),
    unit=st.sampled_from(["sentence", "text"]), target=st.sampled_from(["de", "ja"]),
)  # fmt: skip
def test_what_is_protected_survives_every_translator_that_makes_up_none_of_it(
    memory: Memory, text: str, how: str, seed: int, unit: str, target: str
) -> None:
    def mangled(part: str, *_: str) -> str:
        # Words alone come back: no half of a placeholder may make one with what stands beside it.
        words = MANGLERS[how](part.split(), random.Random(seed))
        return TERMS.without(" ".join(words)).translate(dict.fromkeys(map(ord, "@#&{}<>%$/.:!")))

    translator = FunctionTranslator(mangled, name=f"{how}{seed}{unit}", unit=unit)  # type: ignore[arg-type]
    (result,) = run([text], translator, memory, target)
    assert result.text is not None
    assert Counter(TERMS.find(result.text)) == Counter(TERMS.find(text))


@pytest.mark.parametrize("emoji", ["1\ufe0f\u20e3", "\u2764\ufe0f", "\U0001f600"])
@pytest.mark.parametrize("part", ["http://ex.com/a?b=c", "www.ex.com", "@you", "a@b.org"])
def test_a_part_is_found_right_after_an_emoji(emoji: str, part: str) -> None:
    assert list(Protected().find(f"see {emoji}{part} now")) == [emoji, part]


@settings(deadline=None, max_examples=200)
@given(text=MIXED, answer=st.one_of(MIXED, st.text(max_size=20)), seed=st.integers(0, 10**6))
def test_what_is_lost_or_new_all_the_same_has_the_flag(
    text: str, answer: str, seed: int, memory: Memory
) -> None:
    rows = originals(ids=["a"], texts=[text], labels=["1"], langs=["en"])
    translator = FunctionTranslator(lambda part, *_: part + answer, name=f"adds {answer!r}")
    made = translate_rows(
        rows, ["de"], translator, memory=memory, quality="keep", protected=TERMS
    ).rows
    for translation, flags in made.select("text", "flags").rows():
        same = Counter(TERMS.find(translation)) == Counter(TERMS.find(text))
        assert same or {"lost", "empty"} & set(flags)


@pytest.mark.parametrize("translator", [
    "mini", "degraded:drop=0.7:mini", "degraded:shuffle=1:mini", "degraded:sense=1:mini",
])  # fmt: skip
@pytest.mark.parametrize("target", ["de", "ja"])
def test_the_translators_that_ship_keep_every_kind(
    translator: str, target: str, tmp_path: Path, memory: Memory
) -> None:
    (tmp_path / "terms.txt").write_text("\ufeffGalaxy Fold\n\n good book \nC#\n東京\n", "utf-8")
    texts = [
        f"The {a} is good and {b} is the water of {a}."
        for a, b in zip(SPANS, SPANS[::-1], strict=True)
    ]
    rows = pl.DataFrame({"text": texts})
    made = translate(
        rows, target, translator, lang="en", memory=memory, keep_terms=tmp_path / "terms.txt"
    )
    assert made.height == len(texts)
    for text, translation, flags in zip(texts, made["text"], made["flags"], strict=True):
        assert Counter(TERMS.find(translation)) == Counter(TERMS.find(text)), translation
        assert "lost" not in flags
        assert translation != text


def test_a_sentence_is_seen_whole_where_that_loses_nothing(memory: Memory) -> None:
    whole = FunctionTranslator(lambda text, *_: text.lower(), name="keeps")
    run(["See @user at http://a.org/b NOW."], whole, memory)
    assert whole.seen == ["See @user at http://a.org/b NOW."]
    parts = FunctionTranslator(lambda text, *_: text.upper(), name="loses")
    (result,) = run(["See @user at http://a.org/b now."], parts, memory)
    assert parts.seen[1:] == ["See", "now.", "at"] or set(parts.seen[1:]) == {"See", "at", "now."}
    assert result.text == "SEE @user AT http://a.org/b NOW."


def test_what_knows_whole_texts_alone_is_not_asked_for_parts(memory: Memory) -> None:
    translator = FunctionTranslator(lambda text, *_: "Hallo.", name="whole", unit="text")
    translator.indivisible = True  # type: ignore[attr-defined]
    (result,) = run(["Hello @user."], translator, memory)
    assert (result.text, translator.seen) == ("Hallo.", ["Hello @user."])


def test_a_part_without_a_translation_leaves_the_whole_one(memory: Memory) -> None:
    known = {"Hello @user.": "Hallo."}
    translator = FunctionTranslator(lambda text, *_: known.get(text), name="few", unit="text")
    (result,) = run(["Hello @user."], translator, memory)
    assert result.text == "Hallo."


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "holds no term"),
        (b" \n\t\n", "holds no term"),
        (b"good\nbad\xff\n", "line 2: is not UTF-8"),
        (b"good\nba\x00d\n", "line 2: NUL character"),
        (b"x" * 201, "line 1: has 201 characters"),
    ],
)
def test_a_file_of_terms_that_cannot_be_used_is_refused(
    content: bytes, named: str, tmp_path: Path
) -> None:
    (tmp_path / "terms.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=named):
        read_terms(tmp_path / "terms.txt")


def test_a_file_of_terms_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_terms(tmp_path / "none.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_terms_are_not_waited_for_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "terms.txt")
    with pytest.raises(ConfigError, match="is a pipe; only files can be read"):
        read_terms(tmp_path / "terms.txt")


def test_any_text_keeps_what_is_protected_without_terms() -> None:
    assert list(NOTHING.find("Galaxy Fold @user")) == ["@user"]
