"""Each check finds its fault, and leaves alone what only looks like one."""

import polars as pl
import pytest

from babelift.languages import LANGUAGES
from babelift.translation import checks as faults
from babelift.translation.checks import density, letters


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
