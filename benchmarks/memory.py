"""Translating a table through Babelift's memory against a plain loop over the same engine."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import polars as pl

from _data import sentences
from _models import m2m100
from _timing import TIMES, alternate, benchmark, same, table, times_as_fast
from babelift.corpus.rows import originals
from babelift.translate.driver import translate_rows
from babelift.translate.memory import Memory
from babelift.translate.protocol import Translator

BATCH = 32
ROWS = 200
REPEATED = 0.3
LONGEST_TEXT = 100
"""Characters; longer ones might be cut before they are translated."""
LENGTH = 80
"""Tokens of an output; Babelift keeps sources to two thirds of it."""

Translate = Callable[[Sequence[str]], list[str]]


def main() -> None:
    """Compare with a costly engine and with one that costs almost nothing."""
    with benchmark("Translating a table: babelift / plain loop in batches of 32") as folder:
        data = sentences("en")
        texts = list(islice(short_sentences(data.texts), 10 * ROWS))
        print(f"texts: short sentences of {data.source}, English to German")
        model = m2m100(folder / "model", data.texts, width=256, layers=3, longest=LENGTH)
        engines = [
            ("M2M100 3+3x256 int8", *neural(model), texts[:ROWS]),
            ("word list", *word_list(folder / "words.tsv", texts), texts),
        ]
        rows = []
        for name, translator, plain, chosen in engines:
            rows += compare(name, translator, plain, chosen, folder)
        table(["engine", "rows", "what", "by", *TIMES, "times as fast"], rows)


def compare(
    name: str, translator: Translator, plain: Translate, texts: list[str], folder: Path
) -> list[list[str]]:
    """One table of different rows, first with an empty memory and then again; one with repeats."""
    unlike = round(len(texts) * (1 - REPEATED))
    repeating = texts[:unlike] + texts[: len(texts) - unlike]
    numbers = count()

    def through(memory: Memory, chosen: list[str]) -> list[str]:
        frame = table_of(chosen)
        made = translate_rows(frame, ["de"], translator, memory=memory, quality="keep")
        return made.rows["text"].to_list()

    def fresh(chosen: list[str]) -> list[str]:
        with Memory(folder / f"{name}-{next(numbers)}.sqlite") as memory:
            return through(memory, chosen)

    with Memory(folder / f"{name}-kept.sqlite") as kept:
        through(kept, texts)
        cases: dict[str, tuple[list[str], Callable[[], list[str]]]] = {
            "first time": (texts, lambda: fresh(texts)),
            "second time": (texts, lambda: through(kept, texts)),
            f"first time, {REPEATED:.0%} repeats": (repeating, lambda: fresh(repeating)),
        }
        rows = []
        for what, (chosen, run) in cases.items():
            rivals: dict[str, Callable[[], list[str]]] = {
                "babelift": run,
                "plain": partial(plain, chosen),
            }
            timed = alternate(rivals)
            ours, theirs = timed["babelift"], timed["plain"]
            equal = sum(map(str.__eq__, ours.result, theirs.result))
            same(f"translations, {name}, {what}", equal, len(chosen), least=0.95)
            total = f"{len(chosen):,}"
            rows += [
                [name, total, what, "plain loop", *theirs.columns, "1"],
                [name, total, what, "babelift", *ours.columns, times_as_fast(ours, theirs)],
            ]
    return rows


def short_sentences(texts: list[str]) -> Iterator[str]:
    """Different texts that Babelift does not cut, so that both sides translate the same strings."""
    from babelift.translate.segment import split_text

    pieces = (piece.text for text in texts for piece in split_text(text, "en"))
    for number, sentence in enumerate(cycle(pieces)):
        text = f"{number} {sentence}"
        if len(text) <= LONGEST_TEXT and [piece.kind for piece in split_text(text, "en")] == [
            "send"
        ]:
            yield text


def table_of(texts: list[str]) -> pl.DataFrame:
    """Rows as Babelift's readers make them."""
    ids = [str(number) for number in range(len(texts))]
    return originals(
        ids=ids, texts=texts, labels=["x"] * len(texts), langs=["en"] * len(texts), split="train"
    )


def neural(model: Path) -> tuple[Translator, Translate]:
    """Babelift's translator, and CTranslate2 in the simplest way, on the same files.

    The plain loop has the number of threads that is fastest for it: with CTranslate2's own
    default it is several times slower on a small model.
    """
    import ctranslate2
    from sentencepiece import SentencePieceProcessor

    from babelift.config import Translating
    from babelift.translate.convert import converted
    from babelift.translate.ct2 import load_published

    translator = load_published(model, Translating(compute_type="int8"), name="bench")
    files = converted(model, "int8", name="bench")
    engine: Any = ctranslate2.Translator(str(files), compute_type="int8", intra_threads=1)
    pieces = SentencePieceProcessor(model_file=str(model / "sentencepiece.bpe.model"))

    def plain(texts: Sequence[str]) -> list[str]:
        found: list[str] = []
        for start in range(0, len(texts), BATCH):
            split = pieces.encode(list(texts[start : start + BATCH]), out_type=str)
            made = engine.translate_batch(
                [["__en__", *tokens, "</s>"] for tokens in split],
                target_prefix=[["__de__"]] * len(split),
                beam_size=1,
                max_decoding_length=LENGTH - 1,
            )
            found += [pieces.decode(result.hypotheses[0][1:]) for result in made]
        return found

    return translator, plain


def word_list(path: Path, texts: list[str]) -> tuple[Translator, Translate]:
    """Babelift's word by word translator: shows what the table, memory and checks cost."""
    from babelift.translate.lexicon import Lexicon

    words = sorted({word for text in texts for word in text.lower().split() if word.isalpha()})
    lines = ["source_lang\ttarget_lang\tsource\ttarget"]
    lines += [f"en\tde\t{word}\t{word[::-1]}" for word in words]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    lexicon = Lexicon(path)

    def plain(texts: Sequence[str]) -> list[str]:
        found: list[str] = []
        for start in range(0, len(texts), BATCH):
            batch = lexicon.translate(texts[start : start + BATCH], "en", "de")
            found += [str(made.text) for made in batch]
        return found

    return lexicon, plain


if __name__ == "__main__":
    main()
