"""What a language model answers, as translations: without its thoughts, fences, chatter and notes.

Only what surely is not the translation is taken away, and only where the source has nothing like
it. What is left in doubt stays, for the quality checks to find.
"""

import json
import re
from typing import Any, Final

from babelift.translation.engines.service import UnfitError

_TRANSLATION: Final = (
    r"(?:translat|übersetz|traduc|traduz|traduç|tradui|tłumacz|překlad|vertal|översätt|oversæt|"
    r"oversett|käännös|fordítás|çeviri|terjemah|bản dịch|перев|перек|μετάφρασ|ترجم|תרגום|अनुवाद|"
    r"翻訳|翻译|翻譯|译文|譯文|訳|번역)"
)
_SERVILE: Final = (
    r"(?:sure|certainly|of\ course|okay|ok|absolutely|gladly|here\ (?:it|you)\ (?:is|are|go)|"
    r"here['’]s)"
)
_PREAMBLE: Final = re.compile(
    rf"""\A(?:
      (?:\W*{_SERVILE}\b[^\n]{{0,100}}?[:：]) [*_\s]* \n \s*      # Sure, here you go:
    | (?:[^\n:：]{{0,100}}?{_TRANSLATION}[^\n:：]{{0,80}}[:：]) [*_]* \s*  # German translation: ...
    | (?:\W*{_SERVILE}[!.]) [ \t]* \n \s*                          # Sure!
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_TRANSLATION: Final = re.compile(_TRANSLATION, re.IGNORECASE)
_LABEL: Final = re.compile(r"\A[*_\"'(]*[^\W\d][\w ()-]{0,40}[*_]*\s*[:：]")
_NOTE: Final = re.compile(
    r"""\n\s*[*_(\[（]*\s*(?:
      (?:translator['’]s\ )?(?:notes?|explanation|alternatively|anmerkung(?:en)?|hinweis|erklärung
        |remarque|notas?|explicación|explicação|nb|n\.b\.|opmerking|примечание|注意?|注釈|備考|补充
        |备注|说明|説明|解説|참고) [^\n:：]{0,40} [:：]
    | (?:let\ me\ know|i\ hope\ this|feel\ free|would\ you\ like|if\ you\ (?:need|want|have))\b
    ).*\Z""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_FENCED: Final = re.compile(
    r"\A[^\n`]{0,120}\n?\s*```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```.*\Z", re.DOTALL
)
_QUOTES: Final = {
    '"': '"', "'": "'", "“": "”", "„": "“", "”": "”", "«": "»", "»": "«", "‹": "›", "「": "」",
    "『": "』", "‘": "’", "`": "`", "《": "》",
}  # fmt: skip
_ANY_QUOTE: Final = frozenset(_QUOTES) | frozenset(_QUOTES.values())
_THOUGHT: Final = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.IGNORECASE | re.DOTALL)
_END_OF_THOUGHT: Final = re.compile(
    r"\A.*</(?:think|thinking|reasoning)>", re.IGNORECASE | re.DOTALL
)
_START_OF_THOUGHT: Final = re.compile(r"\A\s*<(?:think|thinking|reasoning)>", re.IGNORECASE)


def without_thoughts(answer: str, source: str = "") -> str:
    """An answer without what a model thought before it; empty where it did not come to an end.

    Some templates put the opening mark into the question, so that only the closing one is seen.

    >>> without_thoughts("<think>Formal?</think>\\nGut."), without_thoughts("Hm.</think>Gut.")
    ('Gut.', 'Gut.')
    >>> without_thoughts("<think>Formal or"), without_thoughts("Ein <think>", "A <think>")
    ('', 'Ein <think>')
    """
    if "think>" in source.lower() or "reasoning>" in source.lower():
        return answer
    answer = _END_OF_THOUGHT.sub("", _THOUGHT.sub("", answer))
    return "" if _START_OF_THOUGHT.match(answer) else answer.strip()


def plain(answer: str, source: str, language: str) -> str:
    """The translation in the answer to a single text.

    Args:
        answer: What the model wrote.
        source: The text.
        language: The target's English name.

    >>> plain("Sure, here is the German translation:\\n\\n\\"Gut.\\"", "Good.", "German")
    'Gut.'
    >>> plain("Gut.\\n\\n(Note: an informal register was used.)", "Good.", "German")
    'Gut.'
    >>> plain("```\\nGut.\\n```", "Good.", "German"), plain("German: Gut.", "Good.", "German")
    ('Gut.', 'Gut.')
    >>> plain("Hinweis: geht nicht.", "Note: does not work.", "German")
    'Hinweis: geht nicht.'
    """
    text = without_thoughts(answer, source)
    if "```" not in source and (fenced := _FENCED.match(text)):
        text = fenced[1].strip()
    start = source[:200]
    if not _OF_TRANSLATION.search(start) and not _LABEL.match(start):
        text = _shortened(_PREAMBLE.sub("", text), text)
        label = rf"\A[*_]*(?:in\s+)?{re.escape(language)}(?:\s*\([^)\n]*\))?[*_]*\s*[:：][*_]*\s*"
        text = _shortened(re.sub(label, "", text, flags=re.IGNORECASE), text)
    if _lines(text) > _lines(source):
        text = _shortened(_NOTE.sub("", text), text)
    return _unquoted(text, source)


def _shortened(shorter: str, text: str) -> str:
    """What is left of a text, unless that is nothing."""
    return shorter.strip() or text


def _lines(text: str) -> int:
    return sum(map(bool, map(str.strip, text.splitlines())))


def _unquoted(text: str, source: str) -> str:
    """A text without quotes around all of it that its source has not.

    >>> _unquoted("„Gut.“", "Good."), _unquoted('"a" or "b"', "a or b"), _unquoted('"A"', '"a"')
    ('Gut.', '"a" or "b"', '"A"')
    """
    inner = text[1:-1]
    closes = len(text) > 2 and _QUOTES.get(text[0]) == text[-1]
    stripped = source.strip()
    if not closes or {*stripped[:1], *stripped[-1:]} & _ANY_QUOTE:
        return text
    return text if {text[0], text[-1]} & set(inner) else inner.strip()


def numbered(answer: str, count: int) -> list[str]:
    """The translations in an answer to several texts, which were numbered from 1.

    Raises:
        UnfitError: It does not hold exactly these, each once and each a text.

    >>> numbered('Sure:\\n```json\\n{"2": "Schlecht.", "1": "Gut."}\\n```', 2)
    ['Gut.', 'Schlecht.']
    >>> numbered('{"1": "Gut."}', 2)
    Traceback (most recent call last):
    babelift.translation.engines.service.UnfitError: answered 1 of 2 numbers
    """
    text = without_thoughts(answer)
    start, end = text.find("{"), text.rfind("}")
    try:
        # Line breaks inside of strings are no JSON, and are meant all the same.
        found = json.loads(text[start : end + 1], strict=False, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise UnfitError("answered with something that is not the JSON asked for") from None
    names = [str(number) for number in range(1, count + 1)]
    if not isinstance(found, dict) or set(found) != set(names):
        right = len(set(found) & set(names)) if isinstance(found, dict) else 0
        raise UnfitError(f"answered {right:,} of {count:,} numbers")
    values = [found[name] for name in names]
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise UnfitError("left a translation empty")
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a number occurs twice")
    return made
