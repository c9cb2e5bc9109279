import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.errors import LanguageError
from babelift.languages import LANGUAGES, get, resolve

SIX = ("en", "de", "es", "fr", "ja", "zh")


@pytest.mark.parametrize("tag", SIX)
def test_the_papers_six_languages_have_every_translators_code(tag: str) -> None:
    language = get(tag)
    assert language.m2m100 == tag
    assert language.nllb is not None


def test_m2m100_codes_are_the_tokenizers_own() -> None:
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    ours = {language.m2m100 for language in LANGUAGES.values() if language.m2m100}
    assert ours == set(FAIRSEQ_LANGUAGE_CODES["m2m100"])


def test_nllb_codes_are_the_tokenizers_own() -> None:
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    ours = {language.nllb for language in LANGUAGES.values() if language.nllb}
    assert ours <= set(FAIRSEQ_LANGUAGE_CODES)


@pytest.mark.parametrize(
    ("given_tag", "expected"),
    [("DE", "de"), ("pt-BR", "pt"), ("en_US", "en"), ("zh-Hant-TW", "zh"), ("jpn", "ja"),
     ("eng_Latn", "en"), (" fr ", "fr"), ("nb-NO", "no"), ("arb_Arab", "ar"), ("ger", "de")],
)  # fmt: skip
def test_case_region_script_and_three_letter_codes_are_understood(
    given_tag: str, expected: str
) -> None:
    assert resolve(given_tag) == expected


@pytest.mark.parametrize(
    ("wrong", "right"), [("jp", "ja"), ("cn", "zh"), ("german", "de"), ("Japanese", "ja"),
                         ("gr", "el")]
)  # fmt: skip
def test_a_slip_is_refused_with_the_nearest_match(wrong: str, right: str) -> None:
    with pytest.raises(LanguageError, match=f"'{wrong}' is not known; did you mean '{right}'"):
        resolve(wrong)


@given(st.text(max_size=12))
def test_any_string_gives_a_known_tag_or_a_language_error(text: str) -> None:
    try:
        tag = resolve(text)
    except LanguageError:
        return
    assert tag in LANGUAGES
