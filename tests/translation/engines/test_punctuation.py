"""Marks and capitals of the target language; numbers and addresses are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.translation.engines.lexicon import finished, prepared

SIX = ("en", "de", "es", "fr", "ja", "zh")
LANGS = st.sampled_from(SIX)


def letters(text: str) -> list[str]:
    return [character.lower() for character in text if character.isalnum()]


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [
        ("en", "ja", "Yes, no: good; 3,5 and 1.2.", "Yes、 no： good； 3,5 and 1.2。"),
        ("en", "zh", 'He said "go on", then left!', "He said “go on”， then left！"),
        ("en", "ja", 'He said "go".', "He said 「go」。"),
        ("en", "zh", "Dr. Who saw it. http://a.bc/d?e=f!g", "Dr. Who saw it. http://a.bc/d?e=f!g"),
        ("en", "zh", "We left early. Why? (No.)", "We left early。 Why？ (No。)"),
        ("es", "zh", "¿Qué? ¡Bien!", "Qué？ Bien！"),
        ("zh", "en", "他说：“好，走吧！”然后走了。", '他说: "好, 走吧!" 然后走了.'),
        ("ja", "en", "１２３、ＡＢＣ・ｶﾅ（本）。", "123, ABC カナ (本)."),
        ("zh", "en", "好,是", "好, 是"),
        ("zh", "ja", "他说：“好，走。”", "他说：「好、走。」"),
        ("ja", "zh", "「はい」、本。", "“はい”，本。"),
        ("fr", "en", "« Bonjour », dit-il ; et toi ?", '"Bonjour", dit-il; et toi?'),
        ("de", "en", "„Ja“, sagte er: 3 : 2.", '"Ja", sagte er: 3 : 2.'),
        ("en", "de", "plain", "plain"),
        ("en", "ja", "", ""),
    ],
)
def test_marks_become_those_of_the_target(
    source: str, target: str, text: str, expected: str
) -> None:
    assert prepared(text, source, target) == expected


@pytest.mark.parametrize(
    ("source", "target", "given", "translation", "expected"),
    [
        ("zh", "en", "", "he goes. 3.5 dogs! 'and' cats", "He goes. 3.5 dogs! 'And' cats"),
        ("zh", "de", "", "see a.b. then c", "See a.b. Then c"),
        ("en", "de", "Dogs", "hunde", "Hunde"),
        ("en", "de", "dogs", "hunde", "hunde"),
        ("en", "de", "3 Dogs", "3 hunde", "3 hunde"),
        ("en", "es", "What? Go!", "qué? anda!", "¿Qué? ¡anda!"),
        ("es", "en", "¿Qué?", "what?", "What?"),
        ("en", "es", "?", "?", "?"),
        ("en", "zh", "Dogs", "狗 a", "狗 a"),
    ],
)
def test_sentences_begin_and_open_as_the_target_has_it(
    source: str, target: str, given: str, translation: str, expected: str
) -> None:
    assert finished(translation, given, source, target) == expected


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60), LANGS, LANGS)
def test_letters_and_digits_stay_in_their_order(text: str, source: str, target: str) -> None:
    made = finished(prepared(text, source, target), text, source, target)
    assert letters(made) == letters(text)


@given(st.text(max_size=60), LANGS, LANGS)
def test_any_text_can_be_prepared(text: str, source: str, target: str) -> None:
    finished(prepared(text, source, target), text, source, target)


@pytest.mark.parametrize("text", ["“" * 30_000, ". " * 30_000, " " * 30_000 + "a", "?! " * 30_000])
def test_a_long_text_of_marks_takes_time_linear_in_its_length(text: str) -> None:
    for source in SIX:
        for target in SIX:
            finished(prepared(text, source, target), text, source, target)
