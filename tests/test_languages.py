import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langcodes.data_dicts import TERRITORY_REPLACEMENTS
from langcodes.registry_parser import parse_registry

from babelift.errors import LanguageError
from babelift.languages import LANGUAGES, canonical, find, get, reductions, resolve

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


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("no-lang", "no"), ("my_lang", "my"), ("it-does-not", "it"), ("de_then_en", "de"),
     ("no-thanks", "no"), ("my_data", "my"), ("is_old", "is"), ("de-DE-DE", "de"),
     ("en-US-Latn", "en"), ("zh-wuu", "zh"), ("en--US", "en"), ("de-", "de"), ("de-ber", "de"),
     ("de-x-formal", "de"), ("en-u-ca-gregory", "en"), ("en-ZZ", "en"), ("en-Qaaa", "en"),
     ("arz", "ar"), ("wuu", "zh"), ("arz_Arab", "ar"), ("Chinese (Traditional)", "zh"),
     ("Portuguese-Brazil", "pt")],
)  # fmt: skip
def test_a_tag_with_a_subtag_that_is_none_is_refused_with_its_language(
    wrong: str, right: str
) -> None:
    with pytest.raises(
        LanguageError, match=re.escape(f"'{wrong}' is not known; did you mean '{right}'")
    ):
        resolve(wrong)
    assert find(wrong) is None


def test_the_error_names_the_subtag_that_is_none() -> None:
    with pytest.raises(LanguageError) as refused:
        resolve("no-Latn-thanks")
    assert "'thanks' is no script, region or variant" in str(refused.value)


UNREAL = re.compile("aa|q[m-z]|x[a-jl-z]|zz|z[a-z]{3}")
"""Private use, and scripts that are none."""


def registered(kind: str) -> set[str]:
    """The subtags of a kind in IANA's registry; private use is none."""
    tags = {entry["Subtag"].lower() for entry in parse_registry() if entry["Type"] == kind}
    return {tag for tag in tags if ".." not in tag and not UNREAL.fullmatch(tag)}


SUBTAGS = {kind: registered(kind) for kind in ("script", "region", "variant")}
"""An account of its own of which subtags there are."""

OTHER_REGIONS = {"xk"} | {
    code.lower()
    for code, new in TERRITORY_REPLACEMENTS.items()
    if not UNREAL.fullmatch(new.lower())
}
"""Kosovo, and codes that were withdrawn or are numbers of countries."""


@given(
    st.sampled_from([tag for tag in LANGUAGES if tag != "ns"]),
    st.from_regex("[a-z]{4}|[a-z]{2}|[0-9]{3}|[a-z][a-z0-9]{4,7}|[0-9][a-z0-9]{3}", fullmatch=True)
    | st.sampled_from(sorted(set.union(*SUBTAGS.values()))),
    st.sampled_from("-_"),
    st.booleans(),
)
def test_a_tag_is_known_exactly_where_its_further_subtag_is_registered(
    tag: str, subtag: str, mark: str, upper: bool
) -> None:
    text = f"{tag}{mark}{subtag.upper() if upper else subtag}"
    known = any(subtag in subtags for subtags in SUBTAGS.values()) or subtag in OTHER_REGIONS
    assert (find(text) is not None) == known
    if known:
        assert resolve(text) == tag
        assert canonical(text).split("-")[0] in {tag, "fil"}
        assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize(
    ("written", "full", "tag"),
    [("zh-TW", "zh-TW", "zh"), ("zh_hant_tw", "zh-Hant-TW", "zh"), ("zho_Hant", "zh-Hant", "zh"),
     ("zho_Hans", "zh", "zh"), ("sr-Latn", "sr-Latn", "sr"), ("sr-Cyrl", "sr", "sr"),
     ("cmn", "zh", "zh"), ("cmn-Hans-CN", "zh-CN", "zh"), ("yue", "yue", "yue"),
     ("zh-yue", "yue", "yue"), ("zh-yue-HK", "yue-HK", "yue"), ("iw", "he", "he"),
     ("in", "id", "id"), ("in-ID", "id-ID", "id"), ("ji", "yi", "yi"), ("nn-NO", "nn-NO", "no"),
     ("nob_Latn", "no", "no"), ("en-UK", "en-GB", "en"), ("es-419", "es-419", "es"),
     ("de-1996", "de-1996", "de"), ("fil", "fil", "tl"), ("deu_Latn", "de", "de"),
     ("kor_Hang", "ko", "ko"), ("\ufeffde\u200b", "de", "de")],
)  # fmt: skip
def test_the_whole_of_a_tag_stays_known(written: str, full: str, tag: str) -> None:
    assert (canonical(written), resolve(written)) == (full, tag)


def test_cantonese_is_not_chinese_to_any_translator() -> None:
    assert (get("yue").m2m100, get("yue").nllb) == (None, "yue_Hant")


def test_names_are_found_in_any_case_but_no_tags() -> None:
    assert [find(name) for name in ("English", "GERMAN", " scottish Gaelic ")] == ["en", "de", "gd"]
    with pytest.raises(LanguageError, match="did you mean 'de'"):
        resolve("German")


def test_what_is_merged_is_said_first_and_long_lists_end() -> None:
    (one,) = reductions(["pt-BR", "de", "zh-CN", "English", "xx", "zh-TW"])
    assert one.endswith("'zh-CN' and 'zh-TW' to 'zh' (Chinese, in Hans script), 'pt-BR' to 'pt' "
                        "(Portuguese)")  # fmt: skip
    (many,) = reductions(f"{tag}-US" for tag in LANGUAGES)
    assert many.endswith(f"and {len(LANGUAGES) - 8} more")
    assert reductions(["en", "deu", "jpn_Jpan", "EN", "German", "nonsense"]) == ()


def test_plain_tags_need_no_registry() -> None:
    code = (
        "import sys; from babelift.languages import resolve, reductions;"
        "resolve('de'); resolve('deu_Latn'); reductions(['en', 'ja']);"
        "sys.exit('langcodes' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
