"""Texts cut into segments, translated through the memory in batches, and joined again."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import unescape
from itertools import pairwise
from typing import Final, Literal, NamedTuple, TypeVar

import polars as pl

from babelift import languages
from babelift.corpus.rejects import UNDECODABLE
from babelift.errors import TranslationError, quoted
from babelift.progress import Task
from babelift.translation.checks import Answers, failure
from babelift.translation.memory import Memory
from babelift.translation.protected import NOTHING, Protected
from babelift.translation.protocol import (
    BatchTranslator,
    DerivedTranslator,
    Translation,
    Translator,
)

Unit = Literal["sentence", "text"]


class Piece(NamedTuple):
    """A part of a text; the parts of a text joined are the text.

    Attributes:
        text: The characters, exactly as in the text.
        kind: `send` to the translator; `copy` as it stands (numbers, links, emoji); or `space`.
    """

    text: str
    kind: Literal["send", "copy", "space"]


_LINE: Final = re.compile(r"[^\r\n]+|[\r\n]+")
_INITIAL: Final = re.compile(r"(?:^|[\s(«“\"'-])[^\W\d_]\.\s*$")
_LIST_NUMBER: Final = re.compile(r"^\(?\d{1,3}[.)]\s*$")
_ABBREVIATION: Final = {
    "de": re.compile(r"\b(?:Fa|Abt|Hr|Fr|Str|\d{1,2})\.\s*$"),
    "en": re.compile(r"\b(?:approx|lbs?|oz|incl|excl)\.\s*$", re.IGNORECASE),
    "fr": re.compile(r"\b(?:M|MM|Mme|Mmes|Mlle|Mlles|Dr|Pr|Me|Ste?)\.\s*$"),
}
"""Ends of a piece that the sentence splitter takes for a full stop although they are none."""

_QUOTING: Final = re.compile(r"[とってのはがをにでもなや]")
_CLOSING: Final = re.compile(r"[」』）】》〉”’)\]]")


def has_words(text: str) -> bool:
    """Whether there is anything to translate: a letter outside of what is protected in any text.

    >>> has_words("Good!"), has_words("5/5 😀"), has_words("@user https://example.org/a")
    (True, False, False)
    """
    return any(map(str.isalpha, NOTHING.without(text)))


def split_text(text: str, lang: str, unit: Unit = "sentence") -> list[Piece]:
    """Cut a text into pieces; joined, they are the text again.

    Args:
        text: Any text.
        lang: Its language's tag.
        unit: `sentence`, or `text` to keep the whole text as one piece.

    >>> [piece.text for piece in split_text("Dr. Smith came. Good! 😀\\nBye.", "en")]
    ['Dr. Smith came.', ' ', 'Good!', ' ', '😀', '\\n', 'Bye.']
    """
    if unit == "text":
        if not text:
            return []
        if text.isspace():
            return [Piece(text, "space")]
        return [Piece(text, "send" if has_words(text) else "copy")]
    from sentencex import segment

    pieces: list[Piece] = []
    for line in _LINE.findall(text):
        for sentence in _mended(segment(lang, line), lang):
            pieces.extend(_trimmed(sentence))
    return pieces


def _trimmed(text: str) -> Iterator[Piece]:
    core = text.strip()
    start = len(text) - len(text.lstrip())
    if start:
        yield Piece(text[:start], "space")
    if core:
        yield Piece(core, "send" if has_words(core) else "copy")
        if start + len(core) < len(text):
            yield Piece(text[start + len(core) :], "space")


def _mended(sentences: list[str], lang: str) -> Iterator[str]:
    """Join what was cut inside a sentence; joining too much does no harm, cutting too much does."""
    held = ""
    for sentence in sentences:
        if held and not _belongs_together(held, sentence, lang):
            yield held
            held = ""
        held += sentence
    yield held


def _belongs_together(before: str, after: str, lang: str) -> bool:
    if not before[-1].isspace():
        first = after[0]
        if before[-1] == "." and first.isascii() and (first.isalnum() or first == "-"):
            return True
        if lang in ("ja", "yue", "zh"):
            return bool(_CLOSING.match(after) or (before[-1] in "」』" and _QUOTING.match(after)))
    if _LIST_NUMBER.match(before) or _INITIAL.search(before[-8:]):
        return True
    abbreviation = _ABBREVIATION.get(lang)
    return abbreviation is not None and bool(abbreviation.search(before[-12:]))


_CLAUSE: Final = re.compile(r"[;:,.!?)—–…](?=\s)|[、，；：。！？…」』）]")
_SPACE: Final = re.compile(r"\s")


def cut_point(text: str) -> int:
    """Where to cut a text that is too long: near the middle, at a clause, else a space, else hard.

    >>> text = "the first half of it, and the second half of it"
    >>> text[:cut_point(text)]
    'the first half of it,'
    """
    middle, quarter = len(text) // 2, len(text) // 4
    for pattern in (_CLAUSE, _SPACE):
        matches = pattern.finditer(text, quarter, len(text) - quarter)
        ends = [match.end() for match in matches if 0 < match.end() < len(text)]
        if ends:
            return min(ends, key=lambda end: abs(end - middle))
    cut = middle
    while cut < len(text) and _sticks(text[cut - 1], text[cut]):
        cut += 1
    return cut if cut < len(text) else middle


def _sticks(before: str, after: str) -> bool:
    """Whether two characters are one on the page (accents, joined emoji)."""
    joiner = "\u200d"
    return joiner in (before, after) or unicodedata.category(after)[0] == "M"


def split_long(
    segments: Iterable[str], measure: Callable[[Sequence[str]], Sequence[int]], limit: int
) -> dict[str, list[Piece]]:
    """Cut the segments that are longer than a translator can take.

    Args:
        segments: Segments to look at.
        measure: Sizes of texts, in the unit of `limit`.
        limit: Largest size of a piece.

    Returns:
        For each segment that is too long, its pieces; the others are left out.

    >>> pieces = split_long(["one two, three four"], lambda texts: [len(t) for t in texts], 9)
    >>> [piece.text for piece in pieces["one two, three four"]]
    ['one two,', ' ', 'three', ' ', 'four']
    """
    cuts: dict[str, tuple[str, str]] = {}
    pending = list(dict.fromkeys(segments))
    roots = pending
    while pending:
        sizes = measure(pending)
        halves: list[str] = []
        for text, size in zip(pending, sizes, strict=True):
            if size > limit and len(text) > 1 and text not in cuts:
                cut = cut_point(text)
                cuts[text] = (text[:cut], text[cut:])
                halves.extend(piece.text for half in cuts[text] for piece in _trimmed(half)
                              if piece.kind == "send")  # fmt: skip
        pending = list(dict.fromkeys(halves))
    return {root: list(_leaves(root, cuts)) for root in roots if root in cuts}


def _leaves(text: str, cuts: Mapping[str, tuple[str, str]]) -> Iterator[Piece]:
    for half in cuts[text]:
        for piece in _trimmed(half):
            if piece.kind == "send" and piece.text in cuts:
                yield from _leaves(piece.text, cuts)
            else:
                yield piece


@cache
def _writes_spaces(lang: str) -> bool:
    return languages.get(lang).script not in ("Jpan", "Hans", "Hant")


def rejoin(
    pieces: Sequence[Piece], translations: Mapping[str, str], source_lang: str, target_lang: str
) -> str:
    """The translated text: each sent piece replaced, with the spacing the target language uses.

    Line breaks stay. Between two sentences a target without spaces (ja, zh) gets none, and a
    target with spaces gets one where the source had none to keep.

    >>> pieces = split_text("Good. Bad.\\nEnd.", "en")
    >>> rejoin(pieces, {"Good.": "良い。", "Bad.": "悪い。", "End.": "終わり。"}, "en", "ja")
    '良い。悪い。\\n終わり。'
    >>> rejoin(split_text("良い。悪い。", "ja"), {"良い。": "Good.", "悪い。": "Bad."}, "ja", "en")
    'Good. Bad.'
    """
    add_space = not _writes_spaces(source_lang) and _writes_spaces(target_lang)
    drop_space = not _writes_spaces(target_lang)
    out: list[str] = []
    for index, piece in enumerate(pieces):
        around = [near.kind for near in pieces[max(0, index - 1) : index + 2]]
        if drop_space and around == ["send", "space", "send"] and not {*"\r\n"} & {*piece.text}:
            continue
        if add_space and index > 0 and "space" not in around[:2]:
            out.append(" ")
        out.append(translations[piece.text] if piece.kind == "send" else piece.text)
    return "".join(out)


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


Item = TypeVar("Item", str, int)


def cut_batches(
    segments: Sequence[Item], sizes: Sequence[int], budget: int, most: int | None = None
) -> Iterator[list[Item]]:
    """Batches of segments, longest first, each within the budget once padded to its longest.

    A segment larger than the budget makes a batch of its own. What remains after the first
    batches is cut in the same way as with them, so that a resumed run sends the same batches.

    Args:
        segments: Unique segments, or their numbers.
        sizes: Tokens of each.
        budget: Tokens in a batch, padding included.
        most: Segments in a batch; as many as there are if absent.

    >>> list(cut_batches(["a", "bb bb", "c c c c"], [1, 2, 4], 4))
    [['c c c c'], ['bb bb', 'a']]
    """
    order = sorted(range(len(segments)), key=lambda i: (-sizes[i], segments[i]))
    batch: list[Item] = []
    longest = 0
    for index in order:
        if batch and (longest * (len(batch) + 1) > budget or len(batch) == most):
            yield batch
            batch = []
        if not batch:
            longest = max(1, sizes[index])
        batch.append(segments[index])
    if batch:
        yield batch


WINDOW: Final = 20_000
"""Texts looked at together; bounds the memory used, whatever the number of rows."""


class Result(NamedTuple):
    """The translation of a whole text.

    Attributes:
        text: The translation; None where the translator lacks one of its segments.
        truncated: A segment was cut by the translator.
        lost_sentence: A segment came back without any words.
    """

    text: str | None
    truncated: bool
    lost_sentence: bool


@dataclass(slots=True)
class Tally:
    """What became of the segments: their number is the sum of the four after it.

    Attributes:
        segments: Segments to translate, repeated ones included.
        from_memory: In the memory before, repeats included.
        duplicates: Repeats of a segment that was translated for the same input.
        translated: Translated now.
        missing: Those that the translator has no translation for.
        failed: Those of the translated whose answer is no translation, see `checks.FAILED`; they
            are not kept in the memory.
        split: Segments too long for the translator, cut into several.
    """

    segments: int = 0
    from_memory: int = 0
    duplicates: int = 0
    translated: int = 0
    missing: int = 0
    failed: int = 0
    split: int = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """One translator at work on one pair.

    Attributes:
        translator: The translator.
        memory: Where finished translations are kept.
        source_lang: Tag of the texts' language.
        target_lang: Tag of the language to translate into.
        batch_tokens: Tokens in a batch.
        since: `Memory.newest` at the start, to tell earlier work from this run's.
        protected: What must stay as it is.
    """

    translator: Translator
    memory: Memory
    source_lang: str
    target_lang: str
    batch_tokens: int
    since: int
    protected: Protected = NOTHING

    @property
    def pair(self) -> tuple[str, str]:
        """The tags of both languages."""
        return self.source_lang, self.target_lang


def count_segments(texts: Iterable[str], lang: str, translator: Translator) -> int:
    """How many segments the texts have, before long ones are cut."""
    unit = translator.unit
    return sum(piece.kind == "send" for text in texts for piece in split_text(text, lang, unit))


def translate_texts(texts: Sequence[str], lane: Lane, tally: Tally, task: Task) -> Iterator[Result]:
    """Translate texts in order; what is in the memory is not translated again.

    Args:
        texts: Texts of one language.
        lane: Translator, memory and pair.
        tally: Counts, added to.
        task: A bar in segments, moved on.

    Raises:
        TranslationError: The translator failed. Whole batches before the failure are kept.
        MemoryStoreError: The memory cannot be used.
    """
    for start in range(0, len(texts), WINDOW):
        yield from _window(texts[start : start + WINDOW], lane, tally, task)


def _window(texts: Sequence[str], lane: Lane, tally: Tally, task: Task) -> list[Result]:
    unit, source = lane.translator.unit, lane.source_lang
    cut = [split_text(text, source, unit) for text in texts]
    total = sum(piece.kind == "send" for pieces in cut for piece in pieces)
    cut, translations = _translated(cut, lane, tally, _Capped(task, total))
    results = [_assembled(pieces, translations, lane) for pieces in cut]
    _protect(texts, results, lane, tally, task)
    return results


def _translated(
    cut: list[list[Piece]], lane: Lane, tally: Tally, bar: "_Capped"
) -> tuple[list[list[Piece]], dict[str, Translation]]:
    """The texts' pieces as they were sent, and the translations of those."""
    cut = fitted(cut, lane, tally)
    counts = Counter(piece.text for pieces in cut for piece in pieces if piece.kind == "send")
    tally.segments += counts.total()
    return cut, _translations(counts, lane, tally, bar)


def _protect(
    texts: Sequence[str], results: list[Result], lane: Lane, tally: Tally, task: Task
) -> None:
    """Translate once more what lost something that must stay, now in parts around that.

    What a translator never sees it cannot change. It sees a whole sentence first all the same, for
    most keep links and names as they are, and translate a whole better than its parts.
    """
    survive = lane.protected.survive
    lossy = []
    for index, (text, result) in enumerate(zip(texts, results, strict=True)):
        if result.text is None or survive(text, result.text):
            continue
        # Some services answer in HTML whatever they are asked: l&#39;eau.
        if "&" in result.text and survive(text, unescaped := unescape(result.text)):
            results[index] = result._replace(text=unescaped)
        elif any(lane.protected.find(text)):
            lossy.append((index, text))
    if not lossy or getattr(lane.translator, "indivisible", False):
        return
    cut = [_around(text, lane) for _, text in lossy]
    failed = tally.failed
    cut, translations = _translated(cut, lane, tally, _Capped(task, 0))
    tally.failed = failed  # a part may well become nothing: an article before a name, for one
    for (index, text), pieces in zip(lossy, cut, strict=True):
        result = _assembled(pieces, translations, lane)
        if result.text is not None and not survive(text, result.text):
            # Words that now meet a name or an address must not become a part of it.
            result = _assembled(_set_apart(pieces), translations, lane)
        if result.text is not None:
            start, end = len(text) - len(text.lstrip()), len(text.rstrip())
            results[index] = result._replace(
                text=text[:start] + result.text.strip() + text[end:],
                lost_sentence=results[index].lost_sentence,
            )


def _around(text: str, lane: Lane) -> list[Piece]:
    """A text's pieces, with what is protected in pieces of its own."""
    pieces: list[Piece] = []
    for part, protected in lane.protected.split(text):
        if protected:
            pieces.append(Piece(part, "copy"))
        elif lane.translator.unit == "text":
            pieces.extend(_trimmed(part))
        else:
            pieces.extend(split_text(part, lane.source_lang))
    return pieces


def _set_apart(pieces: Sequence[Piece]) -> list[Piece]:
    apart = [pieces[0]]
    for before, piece in pairwise(pieces):
        if "space" not in (before.kind, piece.kind) and "copy" in (before.kind, piece.kind):
            apart.append(Piece(" ", "space"))
        apart.append(piece)
    return apart


class _Capped:
    """Moves a bar on by as much as was promised, although long segments become several."""

    def __init__(self, task: Task, total: int) -> None:
        self._task, self._left = task, total

    def advance(self, amount: int) -> None:
        amount = min(amount, self._left)
        self._left -= amount
        self._task.advance(amount)

    def finish(self) -> None:
        self.advance(self._left)


def fitted(cut: list[list[Piece]], lane: Lane, tally: Tally) -> list[list[Piece]]:
    """The texts' pieces, those that are too long for the translator cut further.

    One that takes whole texts, and does not say how long they may be, takes any.
    """
    if lane.translator.unit == "text" and not getattr(lane.translator, "max_input_tokens", None):
        return cut
    limit = limit_of(lane.translator)
    # No tokenizer makes more tokens than bytes (and its marks), so short ones need no counting.
    suspects = (
        piece.text
        for pieces in cut
        for piece in pieces
        if piece.kind == "send"
        and len(piece.text) * 4 > limit - 8
        and len(piece.text.encode("utf-8", "surrogatepass")) > limit - 8
    )
    sizes = counter(lane.translator, *lane.pair)
    split = split_long(suspects, sizes, limit)
    if not split:
        return cut
    tally.split += len(split)
    return [
        [part for piece in pieces for part in split.get(piece.text, (piece,))] for pieces in cut
    ]


def _translations(
    counts: dict[str, int], lane: Lane, tally: Tally, bar: _Capped
) -> dict[str, Translation]:
    """Translations of segments, from the memory or new; the missing are left out.

    Args:
        counts: How often each segment occurs.
        lane: Translator, memory and pair.
        tally: Counts, added to.
        bar: Moved on by the segments.
    """
    pair = lane.pair
    if isinstance(lane.translator, DerivedTranslator):
        derive = lane.translator.derive
        base = _translations(counts, replace(lane, translator=lane.translator.base), tally, bar)
        return {text: derive(translation, *pair) for text, translation in base.items()}
    fingerprint = lane.translator.fingerprint
    known = lane.memory.get_many(list(counts), *pair, fingerprint)
    # Stored before failures were known as such, or by another version's rules.
    shared = _shared({text: stored.text for text, stored in known.items()}, pair[0])
    if failed := [t for t, stored in known.items() if t in shared or failure(t, stored.text)]:
        lane.memory.remove(known.pop(text).number for text in failed)
    for segment, stored in known.items():
        if stored.number <= lane.since:
            tally.from_memory += counts[segment]
        else:
            tally.duplicates += counts[segment]
    done = {text: Translation(stored.text, stored.truncated) for text, stored in known.items()}
    bar.advance(sum(counts[segment] for segment in known))
    new = [segment for segment in counts if segment not in done]
    if not new:  # asked with nothing, a translator may all the same open its model
        bar.finish()
        return done
    sizes = counter(lane.translator, *pair)(new)
    most = getattr(lane.translator, "max_batch_texts", None)
    batches = list(cut_batches(new, sizes, lane.batch_tokens, most))
    translated = translate_batches(lane.translator, batches, *pair)
    enough = _ENOUGH
    for batch, results in zip(batches, translated, strict=True):
        fresh = _checked(batch, results, lane)
        if len(done) + len(fresh) >= enough:
            enough = 2 * (len(done) + len(fresh))
            _check_answers(done | fresh, lane)
        finished = {
            text: fresh[text]
            for text, result in zip(batch, results, strict=True)
            if result.text is not None and not failure(text, result.text)
        }
        lane.memory.put_many(finished, *pair, fingerprint)
        done.update(fresh)
        tally.translated += len(fresh)
        tally.failed += len(fresh) - len(finished)
        for segment in batch:
            if segment in fresh:
                tally.duplicates += counts[segment] - 1
            else:
                tally.missing += counts[segment]
        bar.advance(sum(counts[segment] for segment in batch))
    bar.finish()
    return done


def _shared(translations: Mapping[str, str], lang: str) -> set[str]:
    """The texts with an answer that many different ones of them have."""
    answers = Answers(lang)
    texts = pl.Series(list(translations), dtype=pl.String)
    made = pl.Series(list(translations.values()), dtype=pl.String)
    answers.add(texts, made)
    return set(texts.filter(answers.are_shared(made)))


_ENOUGH: Final = 20
"""Texts from which on a translator is stopped that answers most of them alike."""


def _check_answers(done: Mapping[str, Translation], lane: Lane) -> None:
    """Stop a translator that answers most texts alike, before it has gone through all of them."""
    answers = {_letters(text): made.text or "" for text, made in done.items()}
    counts = Counter(map(_letters, answers.values()))
    del counts[""]
    if not counts or len(answers) < _ENOUGH:
        return
    [(common, count)] = counts.most_common(1)
    if 2 * count <= len(answers):
        return
    alike = [text for text, made in done.items() if _letters(made.text or "") == common]
    stored = lane.memory.get_many(alike, *lane.pair, lane.translator.fingerprint)
    lane.memory.remove(entry.number for entry in stored.values())
    raise TranslationError(
        f"translator '{lane.translator.name}' gave the same answer to {count:,} of "
        f"{len(answers):,} different texts ({' to '.join(lane.pair)}): "
        f"{quoted(done[alike[0]].text or '')}.",
        "That is no translation: see whether its service is up, its quota is used up, or its "
        "key is wrong. What was finished before is kept.",
    )


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text)).casefold()


def _checked(
    batch: Sequence[str], results: Sequence[Translation], lane: Lane
) -> dict[str, Translation]:
    translator = lane.translator
    if len(results) != len(batch):
        raise TranslationError(
            f"translator '{translator.name}' was given {len(batch)} texts "
            f"({lane.source_lang} to {lane.target_lang}) and returned {len(results)}.",
            "A translator must return one result per text, in order.",
        )
    return {
        # Tables hold neither NUL nor halves of surrogate pairs; these cannot even be in memory.
        segment: Translation(UNDECODABLE.sub("\x00", result.text), result.truncated)
        for segment, result in zip(batch, results, strict=True)
        if result.text is not None
    }


def _assembled(pieces: Sequence[Piece], translations: dict[str, Translation], lane: Lane) -> Result:
    sent = [piece.text for piece in pieces if piece.kind == "send"]
    texts: dict[str, str] = {}
    truncated = lost = False
    for segment in sent:
        translation = translations.get(segment)
        if translation is None or translation.text is None:
            return Result(None, False, False)
        texts[segment] = translation.text.strip() if len(pieces) > 1 else translation.text
        truncated |= translation.truncated
        lost |= len(sent) > 1 and not any(map(str.isalnum, translation.text))
    return Result(rejoin(pieces, texts, *lane.pair), truncated, lost)
