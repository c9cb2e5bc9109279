"""Scripts of the languages: their letters, and how many of them it takes to say a thing."""

from functools import cache
from typing import Final

from babelift import languages

_LETTERS: Final = {
    "Arab": r"\p{Arabic}", "Armn": r"\p{Armenian}", "Beng": r"\p{Bengali}",
    "Cyrl": r"\p{Cyrillic}", "Deva": r"\p{Devanagari}", "Ethi": r"\p{Ethiopic}",
    "Geor": r"\p{Georgian}", "Grek": r"\p{Greek}", "Gujr": r"\p{Gujarati}",
    "Guru": r"\p{Gurmukhi}", "Hans": r"\p{Han}\p{Bopomofo}", "Hebr": r"\p{Hebrew}",
    "Jpan": r"\p{Hiragana}\p{Katakana}\p{Han}ー", "Khmr": r"\p{Khmer}", "Knda": r"\p{Kannada}",
    "Kore": r"\p{Hangul}\p{Han}", "Laoo": r"\p{Lao}", "Latn": r"\p{Latin}",
    "Mlym": r"\p{Malayalam}", "Mymr": r"\p{Myanmar}", "Orya": r"\p{Oriya}", "Sinh": r"\p{Sinhala}",
    "Taml": r"\p{Tamil}", "Telu": r"\p{Telugu}", "Thai": r"\p{Thai}",
}  # fmt: skip
"""Inside of a character class (Rust regex, as polars has it) for each script of the table."""

_ALSO: Final = {"az": "Cyrl", "bs": "Cyrl", "ku": "Arab", "sr": "Latn", "uz": "Cyrl", "mn": "Latn"}
"""Languages that are written in a second script as well."""

_DENSITY: Final = {"Hans": 0.32, "Jpan": 0.44, "Kore": 0.55, "Ethi": 0.7, "Hebr": 0.9, "Arab": 0.95}
_OTHERS_DENSITY: Final = 1.15

DENSE_LETTERS: Final = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー]"
"""Regular expression (Rust) for letters that say about as much as two or three Latin ones."""


@cache
def letters(lang: str) -> str:
    """The letters a language is written in, as the inside of a regular expression's class.

    >>> letters("de"), letters("zh")
    ('\\\\p{Latin}', '\\\\p{Han}\\\\p{Bopomofo}')
    """
    script = languages.get(lang).script
    return _LETTERS[script] + (_LETTERS[_ALSO[lang]] if lang in _ALSO else "")


@cache
def density(lang: str) -> float:
    """Characters that a language needs for what takes one character of English, roughly.

    Chinese, Japanese, German, Spanish and French measured on FLORES sentences, the others about.

    >>> density("zh") < density("ja") < density("en") < density("de")
    True
    """
    return 1.0 if lang == "en" else _DENSITY.get(languages.get(lang).script, _OTHERS_DENSITY)


@cache
def same_script(one: str, other: str) -> bool:
    """Whether two languages share a script, so that a name looks the same in both.

    >>> same_script("en", "de"), same_script("en", "ja"), same_script("ja", "zh")
    (True, False, True)
    """
    scripts = {languages.get(lang).script for lang in (one, other)}
    return len(scripts) == 1 or scripts <= {"Jpan", "Hans", "Kore"}
