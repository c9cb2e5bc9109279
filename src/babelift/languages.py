"""The languages Babelift knows: BCP-47 tags, names, scripts and each translator's own codes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, NamedTuple

from babelift.errors import LanguageError, nearest, quoted


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        tag: BCP-47 tag, as used in every `lang` column.
        name: English name.
        script: ISO 15924 code of the script it is usually written in (`Jpan`, `Hans`, `Latn`, ...).
        iso3: ISO 639-3 code.
        m2m100: M2M100's code, or None where the model lacks the language.
        nllb: NLLB-200's code, or None.
    """

    tag: str
    name: str
    script: str
    iso3: str
    m2m100: str | None
    nllb: str | None


# tag, name, script, ISO 639-3, NLLB's code where it is not "<iso3>_<script>"; M2M100's is the tag.
_M2M100 = """
af Afrikaans Latn afr|am Amharic Ethi amh|ar Arabic Arab arb|ast Asturian Latn ast
az Azerbaijani Latn azj|ba Bashkir Cyrl bak|be Belarusian Cyrl bel|bg Bulgarian Cyrl bul
bn Bengali Beng ben|br Breton Latn bre -|bs Bosnian Latn bos|ca Catalan Latn cat
ceb Cebuano Latn ceb|cs Czech Latn ces|cy Welsh Latn cym|da Danish Latn dan|de German Latn deu
el Greek Grek ell|en English Latn eng|es Spanish Latn spa|et Estonian Latn est
fa Persian Arab pes|ff Fulah Latn ful fuv_Latn|fi Finnish Latn fin|fr French Latn fra
fy Western_Frisian Latn fry -|ga Irish Latn gle|gd Scottish_Gaelic Latn gla|gl Galician Latn glg
gu Gujarati Gujr guj|ha Hausa Latn hau|he Hebrew Hebr heb|hi Hindi Deva hin|hr Croatian Latn hrv
ht Haitian_Creole Latn hat|hu Hungarian Latn hun|hy Armenian Armn hye|id Indonesian Latn ind
ig Igbo Latn ibo|ilo Iloko Latn ilo|is Icelandic Latn isl|it Italian Latn ita
ja Japanese Jpan jpn|jv Javanese Latn jav|ka Georgian Geor kat|kk Kazakh Cyrl kaz
km Khmer Khmr khm|kn Kannada Knda kan|ko Korean Kore kor kor_Hang|lb Luxembourgish Latn ltz
lg Ganda Latn lug|ln Lingala Latn lin|lo Lao Laoo lao|lt Lithuanian Latn lit
lv Latvian Latn lav lvs_Latn|mg Malagasy Latn mlg plt_Latn|mk Macedonian Cyrl mkd
ml Malayalam Mlym mal|mn Mongolian Cyrl mon khk_Cyrl|mr Marathi Deva mar|ms Malay Latn msa zsm_Latn
my Burmese Mymr mya|ne Nepali Deva nep npi_Deva|nl Dutch Latn nld|no Norwegian Latn nor nob_Latn
ns Northern_Sotho Latn nso|oc Occitan Latn oci|or Odia Orya ori ory_Orya|pa Punjabi Guru pan
pl Polish Latn pol|ps Pashto Arab pus pbt_Arab|pt Portuguese Latn por|ro Romanian Latn ron
ru Russian Cyrl rus|sd Sindhi Arab snd|si Sinhala Sinh sin|sk Slovak Latn slk
sl Slovenian Latn slv|so Somali Latn som|sq Albanian Latn sqi als_Latn|sr Serbian Cyrl srp
ss Swati Latn ssw|su Sundanese Latn sun|sv Swedish Latn swe|sw Swahili Latn swh
ta Tamil Taml tam|th Thai Thai tha|tl Tagalog Latn tgl|tn Tswana Latn tsn|tr Turkish Latn tur
uk Ukrainian Cyrl ukr|ur Urdu Arab urd|uz Uzbek Latn uzb uzn_Latn|vi Vietnamese Latn vie
wo Wolof Latn wol|xh Xhosa Latn xho|yi Yiddish Hebr yid ydd_Hebr|yo Yoruba Latn yor
zh Chinese Hans zho|zu Zulu Latn zul
"""

# Languages that NLLB has and M2M100 lacks, among those a user is likely to bring.
_NLLB_ONLY = """
eu Basque Latn eus|eo Esperanto Latn epo|mt Maltese Latn mlt|te Telugu Telu tel
as Assamese Beng asm|ug Uyghur Arab uig|tg Tajik Cyrl tgk|ky Kyrgyz Cyrl kir
tt Tatar Cyrl tat|tk Turkmen Latn tuk|ku Kurdish Latn kmr|rw Kinyarwanda Latn kin
yue Cantonese Hant yue
"""

_OTHER_NAMES: Final = {
    "castilian": "es", "farsi": "fa", "filipino": "tl", "flemish": "nl", "mandarin": "zh",
}  # fmt: skip
"""Names that languages of the table go by as well."""

_READ_AS: Final = {"nb": "no", "nn": "no", "fil": "tl"}
"""Languages that translators know under the tag of another."""

_COUNTRY_SLIPS: Final = {
    "jp": "ja", "cn": "zh", "gr": "el", "cz": "cs", "dk": "da", "se": "sv", "kr": "ko",
    "ua": "uk", "gb": "en", "us": "en", "mx": "es", "at": "de", "il": "he",
    "vn": "vi", "ir": "fa", "by": "be",
}  # fmt: skip
"""Country codes that people write for languages; offered as the nearest match, never assumed."""


def _parse(table: str, *, m2m100: bool) -> Iterable[Language]:
    for entry in table.replace("\n", "|").split("|"):
        if not entry:
            continue
        tag, name, script, iso3, *rest = entry.split()
        nllb = rest[0] if rest else f"{iso3}_{script}"
        yield Language(
            tag=tag,
            name=name.replace("_", " "),
            script=script,
            iso3=iso3,
            m2m100=tag if m2m100 else None,
            nllb=None if nllb == "-" else nllb,
        )


LANGUAGES: Final[dict[str, Language]] = {
    language.tag: language
    for language in sorted(
        [*_parse(_M2M100, m2m100=True), *_parse(_NLLB_ONLY, m2m100=False)],
        key=lambda language: language.tag,
    )
}
"""Every known language by its tag."""


_UNREAL: Final = re.compile("AA|Q[M-Z]|X[A-JL-Z]|ZZ|Qa[a-b][a-z]|Z[a-z]{3}")
"""Regions and scripts of private use, and those that stand for none."""

_LONGEST: Final = 35
"""Characters of the longest tag that BCP 47 foresees."""

_MOST_NAMED: Final = 8


@cache
def _codes() -> dict[str, str]:
    """Our tags by the codes of the table."""
    return {
        code.lower().replace("_", "-"): language.tag
        for language in LANGUAGES.values()
        for code in (language.iso3, language.nllb, language.tag)
        if code
    }


@cache
def _names() -> dict[str, str]:
    names = {language.name.lower(): language.tag for language in LANGUAGES.values()}
    return names | _OTHER_NAMES


def _key(text: str) -> str:
    """A tag or name in lower case, without marks that cannot be seen."""
    return "".join(filter(str.isprintable, text)).strip().lower().replace("_", "-")


class _Read(NamedTuple):
    """A tag as it was understood: the table's tag, and the whole of it in its usual form."""

    tag: str
    full: str


@lru_cache(10_000)
def _read(key: str) -> _Read | str:
    """A tag as it was understood, or else why it is not known."""
    if key in (codes := _codes()):
        return _Read(codes[key], codes[key])
    if len(key) > _LONGEST:
        return "A language tag is shorter. "
    import langcodes  # a fifteenth of a second, for what the table does not hold

    try:
        parsed = langcodes.Language.get(key)
    except langcodes.tag_parser.LanguageTagError:
        return ""
    own = parsed.language or ""
    broader = parsed.prefer_macrolanguage().language or ""
    tag = codes.get(own) or _READ_AS.get(own) or codes.get(broader)
    if tag is None:
        return ""
    subtags = [parsed.script, parsed.territory, *(parsed.variants or ())]
    further = [subtag for subtag in subtags if subtag]
    others = [*(parsed.extlangs or ()), *(parsed.extensions or ()), parsed.private]
    for subtag in filter(None, [*others, *further]):
        alone = langcodes.Language.make(language="und", variants=[subtag])
        if subtag in others or _UNREAL.fullmatch(subtag) or not alone.is_valid():
            return f"'{subtag.lower()}' is no script, region or variant. "
    if further and further[0] == LANGUAGES[tag].script:
        del further[0]
    return _Read(tag, "-".join([own if own in _READ_AS else tag, *further]))


def resolve(tag: str) -> str:
    """The table's own tag for `tag`, which is what translators know.

    Case, script, region and variant subtags and 3-letter codes are allowed; each must be real.
    What a tag loses on the way is said by `reductions`.

    Args:
        tag: A BCP-47 tag (`zh`, `pt-BR`, `en_US`), an ISO 639 code (`deu`) or an NLLB code
            (`deu_Latn`).

    Raises:
        LanguageError: The tag is not known; names the nearest match.

    >>> resolve("pt-BR"), resolve("deu_Latn"), resolve("ZH")
    ('pt', 'de', 'zh')
    >>> resolve("jp")
    Traceback (most recent call last):
    babelift.errors.LanguageError: language 'jp' is not known; did you mean 'ja'?
    See 'babelift languages'.
    """
    return _known(tag).tag


def canonical(tag: str) -> str:
    """The whole tag in its usual form: with region and variants, and the script if it is unusual.

    Raises:
        LanguageError: As `resolve`.

    >>> canonical("zh_tw"), canonical("sr_Latn"), canonical("deu_Latn"), canonical("zh-yue-HK")
    ('zh-TW', 'sr-Latn', 'de', 'yue-HK')
    """
    return _known(tag).full


def find(text: str) -> str | None:
    """The canonical tag of a tag or of an English name; None where there is no such language.

    For tables and folders that others made; where a user names a language, tags are asked for.

    >>> find("zh_TW"), find("German"), find("scottish gaelic"), find("Klingon"), find("my_data")
    ('zh-TW', 'de', 'gd', None, None)
    """
    key = _key(text)
    if key in _names():
        return _names()[key]
    read = _read(key)
    return read.full if isinstance(read, _Read) else None


def is_name(text: str) -> bool:
    """Whether a text is the English name of a language.

    >>> is_name("german"), is_name("de")
    (True, False)
    """
    return _key(text) in _names()


def is_slip(text: str) -> bool:
    """Whether a text is no language but a country's code that people write for one.

    >>> is_slip("jp"), is_slip("ja")
    (True, False)
    """
    return _key(text) in _COUNTRY_SLIPS


def _known(tag: str) -> _Read:
    key = _key(tag)
    read = _read(key)
    if isinstance(read, _Read):
        return read
    match = _nearest(key)
    hint = f"; did you mean '{match}'?" if match else ""
    raise LanguageError(
        f"language {quoted(tag, _LONGEST)} is not known{hint}", f"{read}See 'babelift languages'."
    )


@lru_cache(1_000)
def _nearest(key: str) -> str | None:
    """The tag that may have been meant."""
    codes, names = _codes(), _names()
    first = re.split("[^a-z]", key)[0]
    meant = _COUNTRY_SLIPS.get(key) or names.get(key.replace("-", " ")) or names.get(first)
    if meant or len(key) > _LONGEST:
        return meant
    read = _read(first)
    if isinstance(read, _Read):
        return read.full
    if len(first) == 3:
        from langcodes.data_dicts import MACROLANGUAGES

        if MACROLANGUAGES.get(first) in codes:
            return codes[MACROLANGUAGES[first]]
    near = nearest(key, [*codes, *names])
    return codes.get(near) or names.get(near) if near else None


def reductions(tags: Iterable[str]) -> tuple[str, ...]:
    """What tags lose where they are reduced to the table's, as one sentence; none if nothing.

    Args:
        tags: As they were written; English names and what is not known are passed over.

    >>> reductions(["zh-CN", "de", "zh-TW", "deu_Latn"])
    ("language tags are reduced to those that translators know: 'zh-CN' and 'zh-TW' to 'zh' \
(Chinese, in Hans script)",)
    >>> reductions(["sr-Latn", "in"])[0].partition(": ")[2]
    "'in' to 'id' (Indonesian), 'sr-Latn' to 'sr' (Serbian, in Cyrl script)"
    >>> reductions(["de", "English"])
    ()
    """
    groups: dict[str, list[str]] = {}
    for tag in dict.fromkeys(tags):
        key = _key(tag)
        read = None if is_name(tag) or key in _codes() else _read(key)
        if isinstance(read, _Read):
            groups.setdefault(read.tag, []).append(tag)
    if not groups:
        return ()
    # What is merged is what a reader must not miss.
    merged_first = sorted(groups.items(), key=lambda group: (len(group[1]) < 2, group[0]))
    phrases = [_reduction(tag, written) for tag, written in merged_first[:_MOST_NAMED]]
    more = len(groups) - len(phrases)
    phrases += [f"and {more} more" if more > 0 else ""]
    listed = ", ".join(filter(None, phrases))
    return (f"language tags are reduced to those that translators know: {listed}",)


def _reduction(tag: str, written: Sequence[str]) -> str:
    import langcodes

    language = LANGUAGES[tag]
    shown = [f"'{text}'" for text in sorted(written)[:_MOST_NAMED]]
    every = " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
    scripts = {langcodes.Language.get(canonical(text)).maximize().script for text in written}
    in_script = f", in {language.script} script" if scripts - {language.script, None} else ""
    return f"{every} to '{tag}' ({language.name}{in_script})"


def get(tag: str) -> Language:
    """The language of a tag.

    Raises:
        LanguageError: As `resolve`.

    >>> get("ja").script
    'Jpan'
    """
    return LANGUAGES[resolve(tag)]
