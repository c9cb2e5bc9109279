"""Quality checks: a pure function for each fault of a translation, and all of a pair at once."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from babelift import languages
from babelift.corpus.checks import text_fault
from babelift.translation.protected import HINT, NOTHING, Protected

REVISION: Final = 3
"""Part of the key under which a study keeps the translations of a table. Raise it by hand with any
change to how a translator's answers are joined, checked, kept or dropped."""

_LETTERS: Final = {
    "Arab": r"\p{Arabic}", "Armn": r"\p{Armenian}", "Beng": r"\p{Bengali}",
    "Cyrl": r"\p{Cyrillic}", "Deva": r"\p{Devanagari}", "Ethi": r"\p{Ethiopic}",
    "Geor": r"\p{Georgian}", "Grek": r"\p{Greek}", "Gujr": r"\p{Gujarati}",
    "Guru": r"\p{Gurmukhi}", "Hans": r"\p{Han}\p{Bopomofo}", "Hant": r"\p{Han}\p{Bopomofo}",
    "Hebr": r"\p{Hebrew}",
    "Jpan": r"\p{Hiragana}\p{Katakana}\p{Han}ー", "Khmr": r"\p{Khmer}", "Knda": r"\p{Kannada}",
    "Kore": r"\p{Hangul}\p{Han}", "Laoo": r"\p{Lao}", "Latn": r"\p{Latin}",
    "Mlym": r"\p{Malayalam}", "Mymr": r"\p{Myanmar}", "Orya": r"\p{Oriya}", "Sinh": r"\p{Sinhala}",
    "Taml": r"\p{Tamil}", "Telu": r"\p{Telugu}", "Thai": r"\p{Thai}",
}  # fmt: skip
"""Inside of a character class (Rust regex, as polars has it) for each script of the table."""

_ALSO: Final = {"az": "Cyrl", "bs": "Cyrl", "ku": "Arab", "sr": "Latn", "uz": "Cyrl", "mn": "Latn"}
"""Languages that are written in a second script as well."""

_DENSITY: Final = {
    "Hans": 0.32, "Hant": 0.32, "Jpan": 0.44, "Kore": 0.55, "Ethi": 0.7, "Hebr": 0.9, "Arab": 0.95,
}  # fmt: skip
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

    Measured on FLORES sentences for Chinese, Japanese, German, Spanish and French, else estimated.

    >>> density("zh") < density("ja") < density("en") < density("de")
    True
    """
    return 1.0 if lang == "en" else _DENSITY.get(languages.get(lang).script, _OTHERS_DENSITY)


@cache
def same_script(lang: str, other: str) -> bool:
    """Whether two languages share a script, so that a name looks the same in both.

    >>> same_script("en", "de"), same_script("en", "ja"), same_script("ja", "zh")
    (True, False, True)
    """
    scripts = {languages.get(tag).script for tag in (lang, other)}
    return len(scripts) == 1 or scripts <= {"Jpan", "Hans", "Hant", "Kore"}


FAULTS: Final = {
    "empty": "nothing came back",
    "characters": "characters that no table may hold",
    "error": "an error message, no translation",
    "shared": "one answer for many different texts",
    "unknown": "holds signs for unknown words, such as <unk>",
    "copy": "left as it was, untranslated",
    "loop": "repeats itself",
    "length": "far too long or too short for this pair",
    "script": "in the wrong script",
    "language": "in the wrong language",
    "numbers": "a number of the source is gone",
    "lost": "a link, name, placeholder, tag, emoji or kept term is gone or new",
    "sentences": "a sentence is gone",
}
"""The faults that are looked for, in the order in which a row's flags list them. All of them are
kept, dropped or retried alike, as `--quality` says, but for `characters`, which is never written;
the README has the table."""

FAILED: Final = frozenset({"empty", "characters", "error"})
"""Faults of answers that are no translations: they are not finished, and asking again may help."""

ASKED_AGAIN: Final = FAILED | {"shared"}
"""Faults of answers that the next run asks for again, also where the memory has them."""

_ERROR: Final = re.compile(
    r"""\W*(?:
    (?:(?:\w+\s)?error(?:es|e)?|(?:\w+\.)*\w*(?:error|exception|timeout)|erreur|fehler|erro|fout|błąd
        |hata|ошибка|エラー|错误|錯誤|오류)\s*(?:[:：\]]|\#?\s?[45]\d\d\b)
    | (?:an?\s|unknown\s|unexpected\s)?(?:translation\s)?error\s(?:has\s)?occurred\b
    | translation\s(?:error|failed|unavailable|not\savailable)\W*$
    | (?:connection|access|permission|request)\s(?:refused|reset|denied|error|failed|timed\sout)\W*$
    | (?:unauthori[sz]ed|forbidden|timeout|null|undefined|nan|\[?object\sobject)\W*$
    | (?:out\sof|insufficient|no)[\s_](?:quota|credits?)\b
    | (?:http\S*\s+)?(?:status\s+)?[45]\d\d\s*[-:]?\s+(?:bad|too\smany|not\sfound|forbidden
        |unauthorized|internal|service|gateway|payment)
    | (?:internal\sserver\serror|bad\sgateway|gateway\s(?:timeout|time-out)|too\smany\srequests
        |service\s(?:is\s)?(?:temporarily\s)?unavailable|request\stimed\sout)\b
    | traceback\s\(most\srecent
    | mymemory\swarning
    | (?:\w+(?:'ve)?\s){0,5}?(?:quota|rate[\s-]?limit)\b.{0,40}
        \b(?:reached|exceeded|exhausted|hit)\b
    | (?:\w+(?:'ve)?\s){0,2}(?:exceeded|exhausted|reached|hit)\b.{0,30}
        \b(?:quota|rate[\s-]?limit)\b
    | (?:\w+(?:'ve)?\s){0,4}?(?:requests?|usage|characters?|translations?|daily|api)\s
        limit\b.{0,30}\b(?:reached|exceeded|hit)\b
    | (?:missing|invalid|incorrect)\sapi\skey
    | <!doctype\shtml | <html\b | <head> | <title>
    | \{\s*"(?:error|errors|message|detail|code|status)"\s*:
    | as\san\s(?:ai|artificial|large)\b
    | (?:(?:i['’]?m|i\sam)\s(?:really\s|very\s|so\s)?sorry|sorry|i\sapologi[sz]e|unfortunately)\b
        .{0,60}\b(?:translat\w*|assist|fulfill?|comply|as\san\sai|language\smodel|your\srequest)\b
    | i\s(?:can(?:not|['’]t)|am\s(?:un|not\s)able\sto)\s(?:assist|translate|fulfill?|comply)\b
    | (?:sure|certainly|of\scourse)[,!.]\s.{0,40}translat
    | here(?:\sis|['’]s)\s(?:the|your|a)\s(?:\w+\s){0,3}translation\b
    | (?:es\stut\smir\s(?:sehr\s)?leid|entschuldigung|leider)\b.{0,30}\b(?:kann|können|darf)\b
        .{0,40}\b(?:übersetz\w*|(?:dies|ihr|dein)\w*\sanfrage)
    | (?:lo\s(?:siento|lamento)|lamento|perdón)\b.{0,30}\bno\s(?:puedo|podemos)\b.{0,40}
        \b(?:traduc\w*|(?:es[at]|est[ae]|su|tu)\s(?:solicitud|petición))
    | (?:je\ssuis\s)?(?:désolée?|je\sregrette)\b.{0,20}\bje\sne\s(?:peux|suis)\b.{0,40}
        \b(?:tradui\w*|(?:cette|votre|ta)\sdemande)
    | (?:desculpe|lamento|sinto\smuito|me\sdesculpe)\b.{0,30}\bnão\s(?:posso|consigo)\b.{0,40}
        \b(?:traduz\w*|(?:ess[ea]|est[ea]|seu|sua)\s(?:pedido|solicitação))
    | (?:mi\sdispiace|spiacente)\b.{0,30}\bnon\sposso\b.{0,40}
        \b(?:tradurr?\w*|(?:questa|la\stua|la\ssua)\srichiesta)
    | (?:извините|простите|к\sсожалению|мне\sжаль)\b.{0,30}\bне\sмогу\b.{0,40}
        \b(?:перев\w*|(?:ваш|этот)\w*\sзапрос)
    | (?:申し訳|すみません|恐れ入りますが).{0,20}(?:翻訳|リクエスト|ご要望|ご依頼)
        .{0,20}(?:できません|できかねます|出来ません)
    | (?:非常|很|十分)?(?:抱歉|对不起|對不起).{0,4}我(?:无法|無法|不能)
        .{0,12}(?:翻译|翻譯|请求|請求)
    | (?:죄송|미안).{0,20}(?:번역|요청).{0,20}(?:없습니다|어렵습니다)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""How answers begin that a service, a web server or a language model gives for a translation."""


def failure(source: str, text: str) -> str | None:
    """The flag in `FAILED` of an answer that is no translation; None where it may be one.

    Args:
        source: What was to be translated.
        text: The answer.

    >>> failure("Good.", "Gut."), failure("Good.", " "), failure("Good.", "ERROR: out of quota")
    (None, 'empty', 'error')
    >>> failure("Error: it broke", "Error: es ging kaputt"), failure("a", "a\\x00")
    (None, 'characters')
    """
    if any(map(str.isalnum, source)) and not any(map(str.isalnum, text)):
        return "empty"
    if text_fault(text) not in (None, "empty text"):
        return "characters"
    return "error" if _ERROR.match(text) and not _ERROR.match(source) else None


Mask = NDArray[np.bool_]
"""`(rows,) bool`, true where the fault was found."""

_CARRIED: Final = r"https?://\S+|www\.\S+|[@#]\w+"
_CARRIED_ANYWHERE: Final = re.compile(_CARRIED)
"""Links, user names and tags: the same in every language."""


def empty(source: pl.Series, translation: pl.Series) -> Mask:
    """Translations without any letter or digit, of sources that have some.

    >>> empty(pl.Series(["Good.", "😀"]), pl.Series(["。", "😀"])).tolist()
    [True, False]
    """
    content = r"[\p{L}\p{N}]"
    return (source.str.contains(content) & ~translation.str.contains(content)).to_numpy()


def copied(source: pl.Series, translation: pl.Series, source_lang: str, target_lang: str) -> Mask:
    """Translations that are the source over again, but for what is the same in both languages.

    Names, numbers, links, emoji and very short texts may stay as they are.

    >>> source = pl.Series(["the colour is lovely", "Samsung Galaxy S5"])
    >>> copied(source, source, "en", "de").tolist()
    [True, False]
    """
    is_copy = _copied_dense if density(source_lang) < 0.6 else _copied_spaced
    alike = same_script(source_lang, target_lang)
    pairs = zip(source, translation, strict=True)
    return np.array([is_copy(text, copy, alike) for text, copy in pairs], dtype=np.bool_)


_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def _copied_spaced(source: str, translation: str, alike: bool) -> bool:
    ours, theirs = set(source.lower().split()), set(translation.lower().split())
    if 2 * len(ours & theirs) < min(len(ours), len(theirs)):
        return False
    words = _WORD.findall(_CARRIED_ANYWHERE.sub(" ", source))
    if not words or (alike and len(words) < 3):
        return False
    plain = sum(len(word) > 1 and word == word.lower() for word in words)
    shouted = plain == 0 and len(words) >= 5
    if not shouted and (plain < 1 or len(words) < 2):
        return False
    others = _WORD.findall(_CARRIED_ANYWHERE.sub(" ", translation))
    return _overlaps(
        [word.lower() for word in words],
        [word.lower() for word in others],
        least=6 if alike else 4,
        share=0.8 if alike else 0.7,
    )


_KANA: Final = re.compile("[\u3041-\u309f]")
_DENSE_LETTER: Final = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


def _copied_dense(source: str, translation: str, alike: bool) -> bool:
    ours = _DENSE_LETTER.findall(source)
    if not ours or (alike and len(ours) < 8 and not _KANA.search(source)):
        return False
    return _overlaps(ours, _DENSE_LETTER.findall(translation), least=12, share=0.9)


def _overlaps(ours: list[str], theirs: list[str], *, least: int, share: float) -> bool:
    """Whether two lists are equal or, when there are `least` items, have most in common."""
    if ours == theirs:
        return True
    most = max(len(ours), len(theirs))
    if len(ours) < least or min(len(ours), len(theirs)) < share * most:
        return False
    return sum((Counter(ours) & Counter(theirs)).values()) >= share * most


def looping(source: pl.Series, translation: pl.Series, source_lang: str, target_lang: str) -> Mask:
    """Translations in which a piece follows itself four times or more, far beyond the source.

    >>> looping(pl.Series(["a nice hat"]), pl.Series(["ein " + "sehr " * 9]), "en", "de").tolist()
    [True]
    >>> looping(pl.Series(["no " * 9]), pl.Series(["nein " * 9]), "en", "de").tolist()
    [False]
    """
    here, there = density(source_lang), density(target_lang)
    loops = np.zeros(len(source), dtype=np.bool_)
    for row, (text, output) in enumerate(zip(source, translation, strict=True)):
        surplus = repeated(output, dense=there < 0.6)
        if surplus >= max(12, 20 * there):
            allowed = 10 + 2 * repeated(text, dense=here < 0.6) / here
            loops[row] = surplus / there > allowed
    return loops


def repeated(text: str, *, dense: bool = False) -> int:
    """Characters of the longest stretch that repeats what stands before it, four times or more.

    Args:
        text: Any text.
        dense: The text is written without spaces, a character or two to a word.

    >>> repeated("very very very very good"), repeated("a very good hat")
    (15, 0)
    """
    gram, step, reach = (4 if dense else 8), 4, 200
    text = " ".join(text.split()).casefold()
    best, start = 0, 0
    while start + gram < len(text):
        again = text.find(text[start : start + gram], start + 1, start + reach + gram)
        if again < 0:
            start += step
            continue
        period, end = again - start, again + gram
        while end < len(text) and text[end] == text[end - period]:
            end += 1
        surplus = end - start - period
        if surplus >= 3 * period:
            best = max(best, surplus)
            start = end - gram
        start += step
    return best


def wrong_script(source: pl.Series, translation: pl.Series, target_lang: str) -> Mask:
    """Translations with too few letters of the target's script.

    Links, user names and, where the target is not written in Latin letters, capitalised Latin
    words (names, brands) are left out of the count. Long Japanese needs some kana.

    >>> source = pl.Series(["a good phone", "a Samsung phone"])
    >>> wrong_script(source, pl.Series(["a good phone", "Samsungの電話"]), "ja").tolist()
    [True, False]
    """
    expected = letters(target_lang)
    bare = translation.str.replace_all(_CARRIED, " ")
    right = _count(bare, rf"[\p{{L}}&&[{expected}]]") / density(target_lang)
    if r"\p{Latin}" in expected:
        fault = _mostly_foreign(bare, expected, right)
    else:
        unnamed = bare.str.replace_all(r"(?:\p{Lu}|\d+\p{Latin})[\p{Latin}\d'’&.+-]*", " ")
        plain_source = _count(source, r"\b\p{Ll}\p{L}+|[\p{Lo}]{2}") >= 2
        names_only = (right == 0) & (_count(bare, r"\p{L}") > 0)
        fault = _mostly_foreign(unnamed, expected, right) | (names_only & plain_source)
    if target_lang == "ja":
        fault |= (_count(bare, r"\p{Han}") >= 15) & (
            _count(bare, r"[\p{Hiragana}\p{Katakana}]") == 0
        )
    return np.asarray(fault, dtype=np.bool_)


_SCRIPT_SHARE: Final = 0.7


def _count(texts: pl.Series, pattern: str) -> NDArray[np.float64]:
    return texts.str.count_matches(pattern).to_numpy().astype(np.float64)


def _mostly_foreign(texts: pl.Series, expected: str, right: NDArray[np.float64]) -> Mask:
    """Whether four letters or more are not the expected ones, and they say too much of the text."""
    dense = _count(texts, rf"[{DENSE_LETTERS}--[{expected}]]")
    foreign = _count(texts, rf"[\p{{L}}--[{expected}]]")
    amount = foreign + dense * (1 / density("ja") - 1)
    fault: Mask = (foreign >= 4) & (right < _SCRIPT_SHARE * (right + amount))
    return fault


_NUMBER: Final = re.compile(r"\d{1,3}(?:[.,'’\u00a0\u202f ]\d{3})+(?!\d)|\d{3,}(?=(.?.?))")
_SCALED: Final = re.compile("[百千万萬億亿兆]|illi|mill|mil |thousand|tausend|mille")


def lost_numbers(source: pl.Series, translation: pl.Series) -> Mask:
    """Translations without a number of three digits or more that the source has.

    Shorter ones are often spelt out, round ones converted, decades and millions put differently;
    those are let pass.

    >>> lost_numbers(pl.Series(["in 1986"]), pl.Series(["im Jahr 1968"])).tolist()
    [True]
    """
    lost = np.zeros(len(source), dtype=np.bool_)
    for row in np.flatnonzero(source.str.contains(r"\d\d\d").to_numpy()):
        texts = (source[int(row)], translation[int(row)])
        lost[row] = _loses_number(*(unicodedata.normalize("NFKC", text) for text in texts))
    return lost


def _loses_number(source: str, translation: str) -> bool:
    digits = re.sub(r"\D", "", translation)
    for match in _NUMBER.finditer(source):
        number = re.sub(r"\D", "", match[0])
        decade = (match[1] or "").startswith(("s", "'s", "er", "年代"))
        if number not in digits and not number.endswith("00") and not decade:
            return not _SCALED.search(source + " " + translation)
    return False


_UNKNOWN: Final = r"(?i)<unk>|⁇|\x{FFFD}"


def unknown_words(source: pl.Series, translation: pl.Series) -> Mask:
    """Translations with signs for words that the translator does not know, which the source lacks.

    >>> unknown_words(pl.Series(["a fjord", "why??"]), pl.Series(["ein <unk>", "warum??"])).tolist()
    [True, False]
    """
    return (translation.str.contains(_UNKNOWN) & ~source.str.contains(_UNKNOWN)).to_numpy()


def _letters(texts: pl.Series) -> pl.Series:
    """The texts' letters, so that punctuation, case and numbers make no other text."""
    return texts.str.to_lowercase().str.replace_all(r"[^\p{L}]", "")


_SHARED: Final = 5
_SHARED_PART: Final = 0.001
_SHARED_SPREAD: Final = 2.0
_SENTENCE: Final = 16
"""Letters of English."""


class Answers:
    """Finds the answers that many different texts have in common, whatever is in them.

    Good translations are shared too, by texts that say the same: those are few, and about as long,
    or very short. An answer is suspect where five texts or more, and a thousandth of all, have it,
    of which the longest is a sentence and has twice the letters of the shortest. Of a text no more
    than numbers are kept.

    Args:
        lang: Tag of the texts' language.

    >>> answers = Answers("en")
    >>> sources = ["Good.", "Bad.", "We liked the cold soup here.", "So?", "Never!"]
    >>> answers.add(pl.Series(sources), pl.Series(["Quota reached."] * 5))
    >>> answers.are_shared(pl.Series(["Gut.", "Quota reached"])).tolist()
    [False, True]
    """

    def __init__(self, lang: str) -> None:
        self._sentence = _SENTENCE * density(lang)
        self._parts: list[pl.DataFrame] = []
        self._shared: pl.Series | None = None

    def add(self, source: pl.Series, translation: pl.Series) -> None:
        """Take in texts and their translations, of one pair of languages."""
        ours, theirs = _letters(source), _letters(translation)
        frame = pl.DataFrame(
            {"answer": theirs.hash(), "source": ours.hash(), "length": ours.str.len_chars()}
        )
        self._parts.append(frame.filter(theirs != "").unique())
        self._shared = None

    def are_shared(self, translation: pl.Series) -> Mask:
        """Where a translation is an answer that many different texts have."""
        if self._shared is None:
            self._shared = self._find_shared()
        return _letters(translation).hash().is_in(self._shared.implode()).to_numpy()

    def _find_shared(self) -> pl.Series:
        if not self._parts:
            return pl.Series(dtype=pl.UInt64)
        pairs = pl.concat(self._parts).unique()
        self._parts = [pairs]
        counts = pairs.group_by("answer").agg(
            pl.col("source").n_unique().alias("texts"),
            pl.col("length").min().alias("shortest"),
            pl.col("length").max().alias("longest"),
        )
        shared = counts.filter(
            pl.col("texts") >= max(_SHARED, _SHARED_PART * pairs.height),
            pl.col("longest") >= _SHARED_SPREAD * pl.col("shortest"),
            pl.col("longest") >= self._sentence,
        )
        return shared["answer"]


_RIVALS: Final = ("en", "de", "es", "fr", "it", "nl", "pt", "ru", "ja", "zh")
"""Languages that a translator may well give for another, and that are told apart with certainty."""

_KIN: Final = (
    {"af", "nl"}, {"ast", "ca", "es", "fr", "gl", "oc", "pt"}, {"bs", "hr", "sl", "sr"},
    {"be", "bg", "mk", "ru", "sr", "uk"}, {"cs", "sk"}, {"da", "no", "sv"},
    {"id", "jv", "ms", "su"}, {"de", "lb"}, {"ns", "ss", "tn", "xh", "zu"}, {"az", "tr"},
)  # fmt: skip
"""Languages too alike to be told apart in a sentence, but for those among `_RIVALS`."""

_MARGIN: Final = 20.0
"""How much likelier another language must be, in natural logarithms. Of 22,000 human sentences this
flags none; of Tatoeba's in another language it finds 9 in 10, of longer ones all."""

_LEAST_LETTERS: Final = 12
_BEGINNING: Final = 100
"""Characters that are looked at: enough to be sure, and the library takes its time."""


@cache
def _rivals(source_lang: str, target_lang: str) -> tuple[str, ...]:
    """The languages that a translation could wrongly be in, where the script does not tell."""
    return tuple(
        lang
        for lang in dict.fromkeys((source_lang, *_RIVALS))
        if lang != target_lang
        and same_script(lang, target_lang)
        and ({lang, target_lang} <= set(_RIVALS)
             or not any({lang, target_lang} <= kin for kin in _KIN))
    )  # fmt: skip


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def wrong_language(translation: pl.Series, source_lang: str, target_lang: str) -> Mask:
    """Translations that are surely in another language, of those with the target's script.

    >>> texts = pl.Series(["La soupe était froide et le pain dur.", "Die Suppe war kalt.", "Okay"])
    >>> wrong_language(texts, "en", "de").tolist()
    [True, False, False]
    """
    wrong = np.zeros(len(translation), dtype=np.bool_)
    if not _rivals(source_lang, target_lang):
        return wrong
    long = translation.str.count_matches(r"\p{L}").to_numpy() >= _LEAST_LETTERS * density(
        target_lang
    )
    rows = np.flatnonzero(long)
    if not rows.size:
        return wrong
    identifier = _identifier()
    known = {target_lang, *_rivals(source_lang, target_lang)} & set(identifier._full_model[2])
    if target_lang not in known:
        return wrong
    identifier.set_languages(known)
    for row in rows:
        likelihoods = dict(identifier.rank(translation[int(row)][:_BEGINNING]))
        wrong[row] = max(likelihoods.values()) - likelihoods[target_lang] > _MARGIN
    return wrong


@dataclass(frozen=True, slots=True)
class Band:
    """The usual lengths of one pair's translations.

    Attributes:
        low: Least log ratio of lengths (see `log_ratio`).
        high: Greatest log ratio.
    """

    low: float
    high: float


def log_ratio(
    source: pl.Series, translation: pl.Series, source_lang: str, target_lang: str
) -> NDArray[np.float64]:
    """How much longer translations are than their sources, in the logarithm, `(rows,) float64`.

    Lengths are in characters of English (see `density`). Fifteen are added to both, so that short
    texts, whose ratios scatter widely, weigh less.
    """
    ours, theirs = _english_length(source, source_lang), _english_length(translation, target_lang)
    ratio: NDArray[np.float64] = np.log((theirs + 15.0) / (ours + 15.0))
    return ratio


def _english_length(texts: pl.Series, lang: str) -> NDArray[np.float64]:
    """Lengths in characters of English; Latin names amid Chinese count as Latin."""
    length = texts.str.strip_chars().str.len_chars().to_numpy().astype(np.float64)
    if density(lang) >= 0.6:
        return length / density(lang)
    return length + texts.str.count_matches(DENSE_LETTERS).to_numpy() * (1 / density(lang) - 1)


# On FLORES and Tatoeba a width of 3.5 flags 0.1 to 0.3 % of good translations by people and
# services, and finds nine in ten of a service's when half of each is cut off.
_WIDTH: Final = 3.5
_LEAST_WIDTH: Final = 0.4
_PRIOR_ROWS: Final = 50
_PRIOR_SPREAD: Final = 0.25
_FURTHEST: Final = 0.5


def learn_band(ratios: NDArray[np.floating[Any]]) -> Band:
    """The band of usual log ratios: 3.5 robust deviations to each side of the median.

    With few rows the band leans towards a prior of equal lengths. Half of the rows may be faulty
    without moving it far, and it stays near equal lengths even where all of them are.

    >>> band = learn_band(np.array([]))
    >>> round(band.low, 3), round(band.high, 3)
    (-0.875, 0.875)
    """
    centre, spread = 0.0, _PRIOR_SPREAD
    if len(ratios):
        weight = len(ratios) / (len(ratios) + _PRIOR_ROWS)
        median = float(np.median(ratios))
        deviation = 1.4826 * float(np.median(np.abs(ratios - median)))
        centre = float(np.clip(weight * median, -_FURTHEST, _FURTHEST))
        spread = float(np.hypot(weight * deviation, (1 - weight) * _PRIOR_SPREAD))
    width = max(_WIDTH * spread, _LEAST_WIDTH)
    return Band(centre - width, centre + width)


def filled_ratios(
    source: pl.Series, translation: pl.Series, source_lang: str, target_lang: str
) -> NDArray[np.float64]:
    """What `log_ratio` says of the translations that are not empty: what a band is learnt from."""
    ratios = log_ratio(source, translation, source_lang, target_lang)
    return ratios[~empty(source, translation)]


def find_faults(
    source: pl.Series,
    translation: pl.Series,
    source_lang: str,
    target_lang: str,
    band: Band,
    lost_sentence: Mask,
    protected: Protected = NOTHING,
    answers: Answers | None = None,
) -> list[list[str]]:
    """The names of the faults of every row, in the order of `FAULTS`.

    Args:
        source: `(rows,)` texts.
        translation: `(rows,)` their translations.
        source_lang: Tag of the sources.
        target_lang: Tag of the translations.
        band: The pair's usual lengths, see `learn_band`.
        lost_sentence: `(rows,) bool`, where a sentence came back empty.
        protected: What must stay as it is.
        answers: The pair's answers.

    >>> source = pl.Series(["the soup was cold", "the soup was hot"])
    >>> translation = pl.Series(["the soup was cold", "die Suppe war heiß"])
    >>> band = learn_band(filled_ratios(source, translation, "en", "de"))
    >>> find_faults(source, translation, "en", "de", band, np.array([False, False]))
    [['copy'], []]
    """
    ratios = log_ratio(source, translation, source_lang, target_lang)
    lost = np.zeros(len(source), dtype=np.bool_)
    bare_source, bare = source.to_list(), translation.to_list()
    may_have = pl.Series([False] * len(source), dtype=pl.Boolean)
    for texts in (source, translation):
        may_have |= texts.str.contains(f"{HINT.pattern}|http")
        if protected.terms:
            may_have |= texts.str.contains_any(list(protected.terms))
    for row in np.flatnonzero(may_have.to_numpy()):
        # Markup and placeholders are no words of a language.
        ours, bare_source[row] = protected.taken_out(bare_source[row])
        theirs, bare[row] = protected.taken_out(bare[row])
        lost[row] = sorted(ours) != sorted(theirs)
    source_words, words = (pl.Series(texts, dtype=pl.String) for texts in (bare_source, bare))
    is_empty = empty(source, translation)
    failures = np.array(
        [failure(*pair) or "" for pair in zip(source, translation, strict=True)], dtype=np.str_
    )
    masks = {
        "empty": is_empty,
        "characters": failures == "characters",
        "error": failures == "error",
        "shared": np.zeros_like(is_empty) if answers is None else answers.are_shared(translation),
        "unknown": unknown_words(source, translation),
        "copy": copied(source_words, words, source_lang, target_lang),
        "loop": looping(source, translation, source_lang, target_lang),
        "length": ((ratios < band.low) | (ratios > band.high)) & ~is_empty,
        "script": wrong_script(source_words, words, target_lang),
        "language": wrong_language(words, source_lang, target_lang),
        "numbers": lost_numbers(source, translation) & ~is_empty,
        "lost": lost & ~is_empty,
        "sentences": lost_sentence & ~is_empty,
    }
    # These say already why it is in another language.
    masks["language"] &= ~(masks["copy"] | masks["script"] | masks["error"])
    faults: list[list[str]] = [[] for _ in range(len(source))]
    for name in FAULTS:
        for row in np.flatnonzero(masks[name]):
            faults[int(row)].append(name)
    return faults
