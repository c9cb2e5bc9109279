"""Each fault is found where it is, and not where it is not."""

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.languages import LANGUAGES
from babelift.translation import checks as faults
from babelift.translation.checks import (
    FAILED,
    FAULTS,
    Answers,
    Band,
    density,
    failure,
    filled_ratios,
    find_faults,
    learn_band,
    letters,
    log_ratio,
)


def check(
    sources: list[str], texts: list[str], source: str, target: str, band: Band | None = None
) -> list[list[str]]:
    ours, theirs = pl.Series(sources, dtype=pl.String), pl.Series(texts, dtype=pl.String)
    band = band or learn_band(filled_ratios(ours, theirs, source, target))
    return find_faults(ours, theirs, source, target, band, np.zeros(len(ours), dtype=bool))


def test_the_band_is_the_median_and_3_5_robust_deviations() -> None:
    ratios = np.array([-0.3, -0.1, 0.0, 0.1, 0.3] * 400)
    band = learn_band(ratios)
    # median 0, median absolute deviation 0.1; 2000 rows weigh 2000 / 2050 against the prior
    weight = 2000 / 2050
    width = 3.5 * np.hypot(weight * 0.14826, (1 - weight) * 0.25)
    assert band.low == pytest.approx(-width)
    assert band.high == pytest.approx(width)


def test_a_third_of_faulty_rows_does_not_move_the_band_away() -> None:
    good = np.random.default_rng(0).normal(0.1, 0.1, 1000)
    clean, dirty = learn_band(good), learn_band(np.concatenate([good, np.full(500, 2.0)]))
    assert dirty.high < 1.0
    assert clean.low - 0.4 < dirty.low < clean.low


def test_a_translator_that_is_always_wrong_does_not_make_its_own_rule() -> None:
    texts = [f"A sentence about the thing with number {n}." for n in range(300)]
    found = check(texts, [text * 4 for text in texts], "en", "de")
    assert all("length" in row for row in found)


def test_log_ratios_are_near_nought_between_languages_of_any_density() -> None:
    english = pl.Series(["The committee will meet again on Thursday to discuss the new budget."])
    for lang, text in {
        "zh": "委员会将于周四再次开会讨论新的预算。",
        "ja": "委員会は木曜日に再び会合を開き、新しい予算について話し合う。",
        "de": "Der Ausschuss wird am Donnerstag wieder tagen, um das Budget zu besprechen.",
    }.items():
        assert abs(log_ratio(english, pl.Series([text]), "en", lang)[0]) < 0.35


def test_a_row_can_have_several_faults_in_a_fixed_order() -> None:
    source = "the shop was nice and the people too, in 1986"
    found = check([source], ["the shop was nice " * 9], "en", "ja")
    assert found == [[name for name in FAULTS if name in found[0]]]
    assert {"loop", "length", "script", "numbers"} <= set(found[0])


def test_nothing_to_check_is_no_fault() -> None:
    assert check([], [], "en", "ja") == []
    assert check(["", "😀", "5"], ["", "😀", "5"], "en", "ja") == [[], [], []]


@settings(deadline=None)
@given(
    texts=st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=5),
    pair=st.sampled_from([("en", "de"), ("en", "ja"), ("ja", "zh"), ("zh", "en"), ("ar", "ko")]),
)
def test_any_text_can_be_checked(texts: list[tuple[str, str]], pair: tuple[str, str]) -> None:
    clean = [(a.encode("utf-8", "replace").decode(), b.encode("utf-8", "replace").decode())
             for a, b in texts]  # fmt: skip
    found = check([a for a, _ in clean], [b for _, b in clean], *pair)
    assert len(found) == len(texts)


@pytest.fixture(scope="module")
def real(data_dir: Path) -> dict[tuple[str, str], tuple[list[str], list[str]]]:
    content = gzip.decompress((data_dir / "sib200" / "translations.jsonl.gz").read_bytes())
    rows = pl.read_ndjson(content).filter(pl.col("system") == "microsoft")
    return {
        (str(source), str(target)): (part["source_text"].to_list(), part["target_text"].to_list())
        for (source, target), part in rows.group_by("source_lang", "target_lang")
    }


def test_good_translations_are_rarely_flagged(real: dict) -> None:
    for pair, (sources, texts) in real.items():
        flagged = sum(map(bool, check(sources, texts, *pair)))
        assert flagged <= 0.01 * len(sources), pair


Break = Callable[[list[str], list[str], random.Random], list[str]]

BREAKS: dict[str, Break] = {
    "empty": lambda sources, texts, chance: ["" for _ in texts],
    "copy": lambda sources, texts, chance: sources,
    "loop": lambda sources, texts, chance: [
        text[: len(text) // 2] + text[len(text) // 2 :][: chance.randint(3, 12)] * 15
        for text in texts
    ],
    "length": lambda sources, texts, chance: [text[: len(text) // 3] for text in texts],
}


@pytest.mark.parametrize("fault", BREAKS)
def test_faults_made_on_purpose_are_found(real: dict, fault: str) -> None:
    """In one row of ten, among good ones; counted where any check finds the row."""
    for pair, (sources, texts) in real.items():
        chance = random.Random(0)
        rows = chance.sample(range(len(texts)), len(texts) // 10)
        broken = BREAKS[fault]([sources[r] for r in rows], [texts[r] for r in rows], chance)
        mixed = list(texts)
        for row, text in zip(rows, broken, strict=True):
            mixed[row] = text
        found = check(sources, mixed, *pair)
        caught = sum(map(bool, (found[row] for row in rows)))
        assert caught >= 0.9 * len(rows), pair
        named = sum(fault in found[row] for row in rows)
        assert named >= 0.85 * len(rows), pair


def test_translations_into_the_wrong_script_are_found(real: dict) -> None:
    for (source, target), (sources, _) in real.items():
        if source != "en" or target not in ("ja", "zh"):
            continue
        other = real["en", "zh" if target == "ja" else "de"][1]
        found = check(sources, other, source, target)
        assert sum("script" in row for row in found) >= 0.9 * len(sources), target


def one(check: object, *args: str) -> bool:
    texts = [pl.Series([text]) for text in args[:2]]
    return bool(check(*texts, *args[2:])[0])  # type: ignore[operator]


@pytest.mark.parametrize(
    ("source", "translation", "found"),
    [("Good.", "", True), ("Good.", " \n", True), ("Good.", "?!", True), ("5", "", True),
     ("Good.", "5", False), ("😀", "😀", False), ("😀", "", False), ("Gut.", "好", False)],
)  # fmt: skip
def test_empty(source: str, translation: str, found: bool) -> None:
    assert one(faults.empty, source, translation) is found


COPIES = [
    ("the soup was cold and the waiter rude", "en", "de"),
    ("The soup was cold.", "en", "ja"),
    ("great product", "en", "zh"),
    ("Das Produkt ist leider kaputt", "de", "en"),
    ("I LOVE THIS PRODUCT SO MUCH", "en", "de"),
    ("Товар пришёл сломанным", "ru", "en"),
    ("商品が壊れていました。", "ja", "en"),
    ("商品が壊れていました。", "ja", "zh"),
    ("这个产品的质量非常好", "zh", "ja"),
    ("这个产品很好", "zh", "en"),
    ("المنتج جيد جدا", "ar", "en"),
]


@pytest.mark.parametrize(("text", "source", "target"), COPIES)
def test_copy(text: str, source: str, target: str) -> None:
    assert one(faults.copied, text, text, source, target)
    assert one(faults.copied, text, text.rstrip(".。") + "!", source, target)


def test_a_copy_with_a_few_changes_is_a_copy() -> None:
    source = "the soup was cold and the waiter was very rude"
    assert one(faults.copied, source, "the soup was cold and the waiter was sehr rude", "en", "de")


@pytest.mark.parametrize(
    ("source", "translation", "source_lang", "target_lang"),
    [
        ("Samsung Galaxy S5", "Samsung Galaxy S5", "en", "de"),
        ("Samsung Galaxy", "Samsung Galaxy", "en", "ja"),
        ("iPhone", "iPhone", "en", "ja"),
        ("OK", "OK", "en", "zh"),
        ("Super!", "Super!", "de", "fr"),
        ("https://example.org/the/long/path @user", "https://example.org/the/long/path @user",
         "en", "de"),
        ("5/5 😀", "5/5 😀", "en", "de"),
        ("東京", "東京", "ja", "zh"),
        ("北京大学", "北京大学", "zh", "ja"),
        ("Singer Luis Fonsi met Daddy Yankee in San Juan", "Der Sänger Luis Fonsi traf Daddy Yankee"
         " in San Juan", "en", "de"),
        ("die Band spielt", "the band plays", "de", "en"),
    ],
)  # fmt: skip
def test_what_is_rightly_the_same_is_no_copy(
    source: str, translation: str, source_lang: str, target_lang: str
) -> None:
    assert not one(faults.copied, source, translation, source_lang, target_lang)


LOOPS = [
    ("a good hat", "ein " + "sehr " * 10 + "guter Hut", "en", "de"),
    ("I like it.", "Ich mag es. " * 5, "en", "de"),
    ("a car", "四轮" * 12 + "车", "en", "zh"),
    ("it is good", "とても" * 8 + "良い", "en", "ja"),
    ("fine", "a" * 40, "en", "fr"),
    ("fine", "." * 60, "en", "fr"),
    ("the shop", "le magasin est à côté de " * 6, "en", "fr"),
]


@pytest.mark.parametrize(("source", "translation", "source_lang", "target_lang"), LOOPS)
def test_loop(source: str, translation: str, source_lang: str, target_lang: str) -> None:
    assert one(faults.looping, source, translation, source_lang, target_lang)


@pytest.mark.parametrize(
    ("source", "translation", "source_lang", "target_lang"),
    [
        ("no no no no no no no!", "nein nein nein nein nein nein nein!", "en", "de"),
        ("very very very good", "sehr sehr sehr gut", "en", "de"),
        ("hahahaha", "哈哈哈哈哈哈", "en", "zh"),
        ("a, b, a, b", "a, b, a, b", "en", "de"),
        ("Loooooooooooooooooooove it", "J'adooooooooooooooooooore", "en", "fr"),
        ("the cat and the dog and the bird and the fish", "die Katze und der Hund und der Vogel "
         "und der Fisch", "en", "de"),
    ],
)  # fmt: skip
def test_repetition_that_the_source_has_too_is_no_loop(
    source: str, translation: str, source_lang: str, target_lang: str
) -> None:
    assert not one(faults.looping, source, translation, source_lang, target_lang)


def test_long_texts_are_searched_for_loops_quickly() -> None:
    for text in ("ab" * 50_000, "x" * 100_000, " ".join(map(str, range(20_000)))):
        assert faults.repeated(text) > 90_000 or text[0] == "0"


@pytest.mark.parametrize(
    ("translation", "target"),
    [
        ("the soup was cold", "ja"),
        ("スープは cold and the waiter was rude", "ja"),
        ("The soup was cold", "zh"),
        ("スープは冷たかったです", "zh"),
        ("中文句子没有假名而且很长很长很长", "ja"),
        ("スープは冷たかった", "de"),
        ("суп был холодный", "de"),
        ("the soup was cold", "ru"),
        ("the soup was cold", "ar"),
        ("Die Suppe war 冷たかったですね、とても", "de"),
    ],
)
def test_wrong_script(translation: str, target: str) -> None:
    assert one(faults.wrong_script, "the soup was cold", translation, target)


@pytest.mark.parametrize(
    ("translation", "target"),
    [
        ("スープが冷たかった", "ja"),
        ("データ", "ja"),
        ("東京都立大学", "ja"),
        ("ソニーのWH-1000XM4とBose QuietComfort 45を比べた", "ja"),
        ("我用的是Sony的WH-1000XM4", "zh"),
        ("我用Twitter。", "zh"),
        ("看 https://example.org/some/very/long/path", "zh"),
        ("Die Suppe (スープ) war kalt", "de"),
        ("αβγ sind griechische Buchstaben", "de"),
        ("суп был холодный, как Coca-Cola", "ru"),
        ("😀 5/5", "ja"),
        ("", "ja"),
        ("супа је била хладна", "sr"),
        ("supa je bila hladna", "sr"),
    ],
)
def test_names_links_and_loan_words_are_no_wrong_script(translation: str, target: str) -> None:
    assert not one(faults.wrong_script, "the soup was cold", translation, target)


def test_every_language_has_letters_that_count() -> None:
    for tag in LANGUAGES:
        assert letters(tag)
        assert 0.2 < density(tag) < 1.5
        faults.wrong_script(pl.Series(["a"]), pl.Series(["a"]), tag)


@pytest.mark.parametrize(
    ("source", "translation", "found"),
    [
        ("in 1986", "im Jahr 1986", False),
        ("in 1986", "im Jahr 1968", True),
        ("1,234 people", "1.234 Menschen", False),
        ("1,234 people", "1 234 personnes", False),
        ("1,234 people", "1.243 Menschen", True),
        ("year 1986", "１９８６年", False),
        ("the 1930s", "die dreißiger Jahre", False),
        ("17 people", "siebzehn Menschen", False),
        ("123 million", "1億2300万", False),
        ("100 feet", "30 Meter", False),
        ("no numbers", "keine Zahlen", False),
    ],
)
def test_numbers(source: str, translation: str, found: bool) -> None:
    assert one(faults.lost_numbers, source, translation) is found


@pytest.mark.parametrize("text", [
    "ERROR: out of quota", "error 429", "HTTP/1.1 429 Too Many Requests", "503 Service Unavailable",
    "[ERROR] something", "Daily quota exceeded, try again tomorrow.", "Rate limit reached.",
    "You have exceeded your quota", "MYMEMORY WARNING: YOU USED ALL AVAILABLE FREE TRANSLATIONS",
    "<!DOCTYPE html><html>", "<html><body><h1>502 Bad Gateway</h1>", '{"error": {"code": 429}}',
    "I'm sorry, but I cannot translate this text.", "As an AI language model, I cannot",
    "Traceback (most recent call last):", "requests.exceptions.Timeout: x", "Invalid API key",
    "Here is the translation: Die Suppe", "undefined", "[object Object]", "Translation failed",
])  # fmt: skip
def test_a_services_message_is_no_translation(text: str) -> None:
    assert failure("The soup was cold and the bread was old.", text) == "error"
    assert failure(text, text) is None  # where the source says so itself
    assert check(["Die Suppe war gut."], [text], "de", "en")[0][0] == "error"


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x1b", "\x7f", "\ud800"])
def test_what_no_table_may_hold_is_no_translation(character: str) -> None:
    assert failure("The soup was cold.", f"Die Suppe{character} war kalt.") == "characters"
    assert failure("The soup was cold.", "Die Suppe\twar\r\nkalt.") is None


@settings(deadline=None)
@given(source=st.text(max_size=30), text=st.text(st.characters(exclude_categories=["Cs"])))
def test_every_failure_is_a_flag_of_its_row(source: str, text: str) -> None:
    name = failure(source, text)
    assert name is None or name in FAILED
    if name is not None:
        assert name in check([source], [text], "en", "de")[0]


def test_real_sentences_are_no_failures(real: dict) -> None:
    assert set(FAULTS) > FAILED
    for pair, (sources, texts) in real.items():
        failed = [pair for pair in zip(sources, texts, strict=True) if failure(*pair)]
        assert not failed, pair


@pytest.mark.parametrize(
    "quota", ["Daily quota of this key is used up.", "Unavailable; retry in {n} s"]
)
@pytest.mark.parametrize("part", [0.02, 0.3, 1.0])
def test_an_answer_that_many_different_texts_have_is_a_fault_of_all_of_them(
    quota: str, part: float
) -> None:
    sources = [
        " ".join(["dish", "old", "cold", "soup"] * (n % 7 + 1)) + "x" * n for n in range(300)
    ]
    texts = [f"Antwort {'y' * n}" for n in range(300)]
    faulty = range(0, 300, round(1 / part))
    for n in faulty:
        texts[n] = quota.format(n=n)
    ours, theirs = pl.Series(sources), pl.Series(texts)
    answers = Answers("en")
    answers.add(ours[:100], theirs[:100])
    answers.add(ours[100:], theirs[100:])
    assert np.flatnonzero(answers.are_shared(theirs)).tolist() == list(faulty)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=9), st.text(max_size=3)), max_size=30), st.integers(1, 30)
)
def test_how_the_answers_come_in_changes_nothing(pairs: list[tuple[str, str]], size: int) -> None:
    ours, theirs = (pl.Series([pair[side] for pair in pairs], dtype=pl.String) for side in (0, 1))
    whole, parts = Answers("en"), Answers("en")
    whole.add(ours, theirs)
    for start in range(0, len(pairs), size):
        parts.add(ours[start : start + size], theirs[start : start + size])
    assert whole.are_shared(theirs).tolist() == parts.are_shared(theirs).tolist()


def test_texts_that_say_the_same_may_share_a_translation() -> None:
    same = [
        "Great!",
        "GREAT .",
        "Fantastic!",
        "Wonderful!",
        "Super",
        "So good",
        "Very good",
    ]
    answers = Answers("en")
    answers.add(pl.Series(same), pl.Series(["素晴らしい！"] * len(same)))
    assert not answers.are_shared(pl.Series(["素晴らしい！"])).any()


def test_real_translations_are_in_their_language_and_others_are_not(real: dict) -> None:
    for source, target in real:
        if source != "en":
            continue
        for lang, wrong in ((target, False), ("de", True), ("es", True), ("fr", True)):
            if (lang == target) == wrong or not faults.same_script(lang, target):
                continue
            found = faults.wrong_language(pl.Series(real["en", lang][1]), "en", target)
            assert found.mean() >= 0.99 if wrong else not found.any(), (lang, target)


@pytest.mark.parametrize(
    "text", ["", "OK", "Samsung Galaxy S5", "Ja!", "Tom Hanks", "12 km/h", "😀"]
)
def test_of_a_text_too_short_to_tell_no_language_is_said(text: str) -> None:
    for target in ("de", "fr", "es", "en", "ja", "sw"):
        assert not faults.wrong_language(pl.Series([text]), "en", target).any()


@pytest.mark.parametrize("lang", sorted(LANGUAGES))
def test_every_language_can_be_looked_for(lang: str) -> None:
    for source in ("en", "ru", "no"):
        if source != lang:
            faults.wrong_language(pl.Series(["The soup was cold and the bread old."]), source, lang)


@pytest.mark.parametrize(
    "text", ["Die <unk> war kalt.", "Die <UNK>", "Die ⁇ war kalt.", "Die \ufffd"]
)
def test_signs_for_unknown_words_are_a_fault(text: str) -> None:
    assert "unknown" in check(["The soup was cold."], [text], "en", "de")[0]
    assert "unknown" not in check([text], [text], "en", "de")[0]


def test_the_readme_says_of_each_flag_what_becomes_of_it() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    lines = [line.split("|") for line in readme.splitlines() if line.startswith("| `")]
    table = {cells[1].strip(" `"): cells for cells in lines if len(cells) == 6}
    assert [name for name in table if name in FAULTS] == list(FAULTS)
    for name, cells in table.items():
        if name in FAULTS:
            assert (cells[3].strip() == "no") == (name in FAILED), name
