"""Sizes of segments in tokens, batches of them under a token budget, and their translations."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from babelift.translate.protocol import BatchTranslator, Translation, Translator

MAX_TOKENS: Final = 256
"""Longest segment for a translator that does not say what it takes; longer ones translate badly."""

_DENSE: Final = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7a3\uf900-\ufaff"
                           "\uff00-\uffef\U00010000-\U0010ffff]")  # fmt: skip
"""Characters that cost about a token each: Thai, Lao, Burmese, Khmer, CJK, kana, Hangul, emoji."""

_LETTERS_PER_TOKEN: Final = 3.5


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, for translators that cannot count.

    >>> estimate_tokens("国際連合"), estimate_tokens("United Nations")
    (4, 4)
    """
    dense = 0 if text.isascii() else len(_DENSE.findall(text))
    return dense + -int(-(len(text) - dense) // _LETTERS_PER_TOKEN)


def counter(
    translator: Translator, source_lang: str, target_lang: str
) -> Callable[[Sequence[str]], Sequence[int]]:
    """A function that gives the sizes of texts: the translator's own count where it has one."""
    own = getattr(translator, "count_tokens", None)
    if own is None:
        return lambda texts: [estimate_tokens(text) for text in texts]
    return lambda texts: list(own(texts, source_lang, target_lang)) if texts else []


def limit_of(translator: Translator) -> int:
    """The most tokens of a segment that the translator takes."""
    return int(getattr(translator, "max_input_tokens", None) or MAX_TOKENS)


def translate_batches(
    translator: Translator, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
) -> Iterator[list[Translation]]:
    """The translations of each batch, in order; several at a time where the translator can.

    Raises:
        LanguageError: The pair is not possible.
        TranslationError: The engine failed.
    """
    if isinstance(translator, BatchTranslator):
        return translator.translate_batches(batches, source_lang, target_lang)
    return (list(translator.translate(batch, source_lang, target_lang)) for batch in batches)


def cut_batches(segments: Sequence[str], sizes: Sequence[int], budget: int) -> Iterator[list[str]]:
    """Batches of segments, longest first, each within the budget once padded to its longest.

    A segment larger than the budget makes a batch of its own. What remains after the first
    batches is cut in the same way as with them, so that a resumed run sends the same batches.

    Args:
        segments: Unique segments.
        sizes: Tokens of each.
        budget: Tokens in a batch, padding included.

    >>> list(cut_batches(["a", "bb bb", "c c c c"], [1, 2, 4], 4))
    [['c c c c'], ['bb bb', 'a']]
    """
    order = sorted(range(len(segments)), key=lambda i: (-sizes[i], segments[i]))
    batch: list[str] = []
    longest = 0
    for index in order:
        if batch and longest * (len(batch) + 1) > budget:
            yield batch
            batch = []
        if not batch:
            longest = max(1, sizes[index])
        batch.append(segments[index])
    if batch:
        yield batch
