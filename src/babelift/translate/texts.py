"""Translating the texts of one pair: through the memory, in batches, each finished one kept."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from babelift.errors import TranslationError
from babelift.progress import Task
from babelift.translate.batches import counter, cut_batches, limit_of, translate_batches
from babelift.translate.memory import Memory
from babelift.translate.protocol import DerivedTranslator, Translation, Translator
from babelift.translate.segment import Piece, rejoin, split_long, split_text

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
        split: Segments too long for the translator, cut into several.
    """

    segments: int = 0
    from_memory: int = 0
    duplicates: int = 0
    translated: int = 0
    missing: int = 0
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
    """

    translator: Translator
    memory: Memory
    source_lang: str
    target_lang: str
    batch_tokens: int
    since: int


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


def _window(texts: Sequence[str], lane: Lane, tally: Tally, task: Task) -> Iterator[Result]:
    unit, source = lane.translator.unit, lane.source_lang
    cut = [split_text(text, source, unit) for text in texts]
    before = sum(piece.kind == "send" for pieces in cut for piece in pieces)
    if unit == "sentence":
        cut = _fitted(cut, lane, tally)
    counts: dict[str, int] = {}
    for pieces in cut:
        for piece in pieces:
            if piece.kind == "send":
                counts[piece.text] = counts.get(piece.text, 0) + 1
    tally.segments += sum(counts.values())
    translations = _translations(counts, lane, tally, _Capped(task, before))
    for pieces in cut:
        yield _assembled(pieces, translations, lane)


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


def _fitted(cut: list[list[Piece]], lane: Lane, tally: Tally) -> list[list[Piece]]:
    """The texts' pieces, those that are too long for the translator cut further."""
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
    sizes = counter(lane.translator, lane.source_lang, lane.target_lang)
    split = split_long(suspects, sizes, limit)
    if not split:
        return cut
    tally.split += len(split)
    return [
        [part for piece in pieces for part in split.get(piece.text, (piece,))]
        if any(piece.text in split for piece in pieces)
        else pieces
        for pieces in cut
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
    pair = (lane.source_lang, lane.target_lang)
    if isinstance(lane.translator, DerivedTranslator):
        made = _translations(counts, replace(lane, translator=lane.translator.base), tally, bar)
        return {text: lane.translator.derive(one, *pair) for text, one in made.items()}
    fingerprint = lane.translator.fingerprint
    known = lane.memory.get_many(list(counts), *pair, fingerprint)
    for segment, stored in known.items():
        if stored.number <= lane.since:
            tally.from_memory += counts[segment]
        else:
            tally.duplicates += counts[segment]
    done = {text: Translation(stored.text, stored.truncated) for text, stored in known.items()}
    bar.advance(sum(counts[segment] for segment in known))
    new = [segment for segment in counts if segment not in done]
    sizes = counter(lane.translator, *pair)(new)
    batches = list(cut_batches(new, sizes, lane.batch_tokens))
    translated = translate_batches(lane.translator, batches, *pair)
    for batch, results in zip(batches, translated, strict=True):
        fresh = _checked(batch, results, lane)
        lane.memory.put_many(fresh, *pair, fingerprint)
        done.update(fresh)
        tally.translated += len(fresh)
        for segment in batch:
            if segment in fresh:
                tally.duplicates += counts[segment] - 1
            else:
                tally.missing += counts[segment]
        bar.advance(sum(counts[segment] for segment in batch))
    bar.finish()
    return done


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
        segment: Translation(_storable(result.text), result.truncated)
        for segment, result in zip(batch, results, strict=True)
        if result.text is not None
    }


def _storable(text: str) -> str:
    """The text without halves of surrogate pairs, which no file could hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _assembled(pieces: Sequence[Piece], translations: dict[str, Translation], lane: Lane) -> Result:
    sent = [piece.text for piece in pieces if piece.kind == "send"]
    texts: dict[str, str] = {}
    truncated = lost = False
    for segment in sent:
        found = translations.get(segment)
        if found is None or found.text is None:
            return Result(None, False, False)
        texts[segment] = found.text.strip() if len(pieces) > 1 else found.text
        truncated |= found.truncated
        lost |= len(sent) > 1 and not _has_content(found.text)
    return Result(rejoin(pieces, texts, lane.source_lang, lane.target_lang), truncated, lost)


def _has_content(text: str) -> bool:
    return any(map(str.isalnum, text))
