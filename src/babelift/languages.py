"""The languages Babelift knows: BCP-47 tags, names, scripts and each translator's own codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from babelift.errors import LanguageError, nearest


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
"""

# Macrolanguages, ISO 639-2's bibliographic codes, and tags that mean one of ours.
_OTHER_CODES: Final = (
    "ara:ar fas:fa aze:az swa:sw nb:no nn:no iw:he fil:tl "
    "ger:de fre:fr chi:zh dut:nl gre:el cze:cs slo:sk rum:ro per:fa ice:is mac:mk arm:hy geo:ka "
    "alb:sq bur:my may:ms wel:cy baq:eu"
)

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


@cache
def _aliases() -> dict[str, str]:
    aliases = dict(pair.split(":") for pair in _OTHER_CODES.split())
    for language in LANGUAGES.values():
        for alias in (language.iso3, language.nllb, language.tag):
            if alias:
                aliases[alias.lower().replace("_", "-")] = language.tag
    return aliases


def resolve(tag: str) -> str:
    """The table's own tag for `tag`.

    Case, region and script subtags and 3-letter codes are allowed.

    Args:
        tag: A BCP-47 tag (`zh`, `pt-BR`, `en_US`), an ISO 639-3 code (`deu`) or an NLLB code
            (`deu_Latn`).

    Raises:
        LanguageError: The tag is not in the table; names the nearest match.

    >>> resolve("pt-BR"), resolve("deu_Latn"), resolve("ZH")
    ('pt', 'de', 'zh')
    >>> resolve("jp")
    Traceback (most recent call last):
    babelift.errors.LanguageError: language 'jp' is not known; did you mean 'ja'?
    See 'babelift languages'.
    """
    key = tag.strip().lower().replace("_", "-")
    aliases = _aliases()
    known = aliases.get(key) or aliases.get(key.split("-")[0])
    if known is not None:
        return known
    names = _names()
    match = _COUNTRY_SLIPS.get(key) or names.get(key)
    if match is None:
        near = nearest(key, [*aliases, *names])
        match = aliases.get(near) or names.get(near) if near else None
    hint = f"; did you mean '{match}'?" if match else ""
    raise LanguageError(f"language '{tag}' is not known{hint}", "See 'babelift languages'.")


@cache
def _names() -> dict[str, str]:
    return {language.name.lower(): language.tag for language in LANGUAGES.values()}


def from_name(name: str) -> str | None:
    """The tag of a language's English name, None where there is none of that name.

    For tables and folders that others made; where a user names a language, tags are asked for.

    >>> from_name("German"), from_name("scottish gaelic"), from_name("Klingon")
    ('de', 'gd', None)
    """
    return _names().get(name.strip().lower())


def get(tag: str) -> Language:
    """The language of a tag.

    Raises:
        LanguageError: As `resolve`.

    >>> get("ja").script
    'Jpan'
    """
    return LANGUAGES[resolve(tag)]
