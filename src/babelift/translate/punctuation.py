"""Marks and capitals as the target language writes them, for translation word by word."""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from babelift.translate.lexicon import UNSPACED

_TO_NARROW: Final = {
    "。": ". ", "．": ". ", "、": ", ", "，": ", ", "？": "? ", "！": "! ", "：": ": ", "；": "; ",
    "「": ' "', "『": ' "', "《": ' "', "〈": ' "', "“": ' "',
    "」": '" ', "』": '" ', "》": '" ', "〉": '" ', "”": '" ',
    "（": " (", "）": ") ", "・": " ", "·": " ", "\u3000": " ", "…": "...",
}  # fmt: skip
_TO_WIDE: Final = {",": "，", ".": "。", "?": "？", "!": "！", ":": "：", ";": "；"}
_QUOTED: Final = re.compile(r'[“„«"]\s?([^“”„«»"\n]*?)\s?[”“»"]')
_FULL_WIDTH: Final = re.compile("[％＋－０-９＝Ａ-Ｚａ-ｚ\uff66-\uff9f]+")
_BREAK: Final = re.compile(r"([.!?。？！]+)")


def prepared(text: str, source_lang: str, target_lang: str) -> str:
    """A text of the source language with the marks of the target language.

    Numbers and addresses keep their points and commas.

    >>> prepared("It cost 1,000.50, no? Yes.", "en", "zh")
    'It cost 1,000.50， no？ Yes。'
    >>> prepared("「はい」、１９９８年。本", "ja", "en")
    '"はい", 1998年. 本'
    >>> prepared("¿Qué « es » ?", "es", "fr")
    'Qué "es" ?'
    """
    text = unicodedata.normalize("NFC", text)
    wide, wide_after = source_lang in UNSPACED, target_lang in UNSPACED
    if wide:
        text = _FULL_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    if wide and wide_after:
        return _between_wide(text, target_lang)
    if wide:
        return _narrow(text)
    text = re.sub("[¿¡]", "", text)
    if source_lang == "fr":
        text = re.sub(r"(?<=\w)\s([?!:;])(?!\S)", r"\1", text)
    return _wide(text, target_lang) if wide_after else _QUOTED.sub(r'"\1"', text)


def finished(text: str, source: str, source_lang: str, target_lang: str) -> str:
    """A translation with the capitals and the opening marks of the target language.

    Args:
        text: The translation.
        source: What was translated, as `prepared` left it.
        source_lang: Its language.
        target_lang: The translation's.

    >>> finished("how much is it? 5 euros. good!", "いくらですか? 5ユーロ. いい!", "ja", "es")
    '¿How much is it? 5 euros. ¡Good!'
    """
    if target_lang in UNSPACED:
        return text
    if source_lang in UNSPACED:
        text = _by_sentence(text, _capital)
    elif _first(source).isupper():
        text = _capital(text)
    if target_lang == "es":
        text = _by_sentence(text, _opened)
    return text


def _between_wide(text: str, target_lang: str) -> str:
    if target_lang == "zh":
        return text.translate(str.maketrans("、「」『』", "，“”‘’"))
    return text.translate(str.maketrans("，“”‘’", "、「」『』"))


def _narrow(text: str) -> str:
    text = re.sub(r"(?<=[^\x00-\x7f]),(?=\S)", ", ", text)
    text = "".join(_TO_NARROW.get(character, character) for character in text)
    text = re.sub(r'([.?!,]) +(?=[".,?!:;)])', r"\1", text)
    return re.sub(r" +(?=[.,?!:;)])", "", re.sub("  +", " ", text)).strip(" ")


def _wide(text: str, target_lang: str) -> str:
    quotes = "「」" if target_lang == "ja" else "“”"
    text = _QUOTED.sub(rf"{quotes[0]}\1{quotes[1]}", text)
    comma = "、" if target_lang == "ja" else "，"
    closing = "\"'”」）)"

    def widened(found: re.Match[str]) -> str:
        return comma if found[0] == "," else _TO_WIDE[found[0]]

    # A point ends a sentence at the end of the text or after a word that is no abbreviation.
    text = re.sub(rf"[,:;?!](?=[\s{closing}]|$)", widened, text)
    return re.sub(rf"\.(?=[\s{closing}]*$)|(?<=\w\w\w)\.(?=\s)", widened, text)


def _by_sentence(text: str, change: Callable[[str], str]) -> str:
    """The text with every sentence, with the marks that end it, changed."""
    parts = _BREAK.split(text)
    whole = [part + mark for part, mark in zip(parts[::2], [*parts[1::2], ""], strict=True)]
    # A point inside a number or an address begins no sentence.
    starts = [True] + [after[:1].isspace() or after[:1] in "\"'" for after in whole[1:]]
    return "".join(
        change(sentence) if sentence and begins else sentence
        for sentence, begins in zip(whole, starts, strict=True)
    )


def _first(text: str) -> str:
    return next((character for character in text if character.isalnum()), "")


def _capital(text: str) -> str:
    first = _first(text)
    return text.replace(first, first.upper(), 1) if first else text


def _opened(sentence: str) -> str:
    """A Spanish question or exclamation with its opening mark."""
    mark = {"?": "¿", "!": "¡"}.get(sentence[-1:])
    start = next((i for i, character in enumerate(sentence) if character.isalnum()), None)
    if mark is None or start is None or mark in sentence:
        return sentence
    return sentence[:start] + mark + sentence[start:]
