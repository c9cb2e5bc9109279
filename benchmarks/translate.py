"""Translating a table: Babelift against a plain CTranslate2 loop and transformers' generate.

All sides have the same random weights. Babelift and the loop compute in int8, with the same files;
transformers in float32 in the order of the texts, and in bfloat16 with the texts sorted by length.
Babelift's side is `OpenTranslators.translate_rows`, so cutting into sentences, its memory and its
checks count.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import polars as pl

from _data import reviews
from _models import M2M100_418M, Translating, m2m100
from _operations import translating
from _timing import (
    TIMES,
    VERDICT,
    Timed,
    against,
    alternate,
    benchmark,
    chosen,
    same,
    spread_out,
    table,
    times_as_fast,
)
from babelift.corpus.rows import originals
from babelift.translation.driver import OpenTranslators
from babelift.translation.engines.ctranslate2 import CT2Translator
from babelift.translation.memory import Memory

LOOP_BATCH: Final = 32
TRANSFORMERS_BATCH: Final = 16
REPEATED: Final = 0.3
LEAST_SAME: Final = 0.95
LEAST_SAME_INT8: Final = 0.85
"""In int8, what a text is padded with turns a random network's choices round a little oftener."""

Translate = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Size:
    """How much is translated.

    Attributes:
        shape: Of the model.
        texts: For Babelift and the plain loop.
        batches: Of `TRANSFORMERS_BATCH` texts for transformers, taken evenly from all texts.
        rounds: Of everything.
        beams: Beam widths.
    """

    shape: Translating
    texts: int
    batches: int
    rounds: int
    beams: tuple[int, ...] = (5, 1)


SIZES = {
    "full": Size(M2M100_418M, texts=2000, batches=10, rounds=5),
    "tenth": Size(M2M100_418M, texts=200, batches=3, rounds=1),
    "quick": Size(Translating(512, 3, 32_000), texts=128, batches=2, rounds=3),
    "smoke": Size(Translating(64, 1, 1_500), texts=16, batches=1, rounds=1, beams=(5,)),
}
TENFOLD, SORTED, LOOP, AGAIN = 10.0, 2.5, 1.3, 300.0


def main() -> None:
    """Compare for each beam width, with and without repeats, and again from the memory."""
    name, size = chosen(SIZES, __doc__)
    with benchmark("Translating", name) as folder:
        from _data import sentences

        texts = reviews(size.texts)
        sampled = len(spread_out(texts, TRANSFORMERS_BATCH, size.batches))
        print(f"{size.shape}, random weights; {len(texts):,} texts, English to German; "
              f"transformers does {sampled} of them, in batches taken evenly, and its time is "
              f"scaled; {size.rounds} rounds")  # fmt: skip
        model = m2m100(folder / "model", sentences("en").texts, size.shape)
        head = ["beam", "by", *TIMES, "texts/s", "babelift is times as fast", *VERDICT]
        for beam in size.beams:
            table(head, compare(model, texts, size, beam, folder / str(beam)))


def compare(model: Path, texts: list[str], size: Size, beam: int, folder: Path) -> list[list[str]]:
    """Time all rivals at one beam width, and check that they translate alike."""
    folder.mkdir()
    unlike = round(len(texts) * (1 - REPEATED))
    repeating = texts[:unlike] + texts[: len(texts) - unlike]
    babelift = Babelift(model, beam, folder)
    loop = fastest_loop(babelift.folder, model, beam, texts[:LOOP_BATCH])
    fp32, bf16 = (Transformers(model, beam, kind) for kind in ("float32", "bfloat16"))
    given = [texts[place] for place in spread_out(texts, TRANSFORMERS_BATCH, size.batches)]
    by_length = sorted(texts, key=len, reverse=True)
    ordered = [by_length[place] for place in spread_out(texts, TRANSFORMERS_BATCH, size.batches)]
    rivals: dict[str, Callable[[], list[str]]] = {
        "babelift": partial(babelift.fresh, texts),
        "loop": partial(loop, texts),
        "fp32": partial(fp32, given),
        "bf16": partial(bf16, ordered),
        "babelift, repeats": partial(babelift.fresh, repeating),
        "loop, repeats": partial(loop, repeating),
        "babelift, memory": partial(babelift.again, texts),
    }
    few = texts[:2]
    warm: list[Translate] = [babelift.again, loop, fp32, bf16]
    babelift.again(texts)
    timed = alternate(
        rivals,
        rounds=size.rounds,
        warm={str(number): partial(run, few) for number, run in enumerate(warm)},
        shares={"fp32": len(given) / len(texts), "bf16": len(ordered) / len(texts)},
    )
    check(timed, texts, repeating, beam)
    check_float32(model, beam, given, timed["fp32"].result)
    tokens_in = sum(babelift.translator.count_tokens(texts, "en", "de"))
    sample = babelift.translator.generate(given, "en", "de")
    tokens_out = sum(len(output.tokens) for output in sample) * len(texts) // len(given)
    work = translating(size.shape, len(texts), tokens_in, tokens_out, beam=beam)
    print(f"beam {beam}: {tokens_in:,} tokens in, about {tokens_out:,} out; "
          f"{work / 1e12:.3g} T operations, babelift does "
          f"{work / timed['babelift'].median / 1e9:,.0f} G a second", flush=True)  # fmt: skip
    return lines(timed, len(texts), str(beam))


def lines(timed: dict[str, Timed[list[str]]], texts: int, beam: str) -> list[list[str]]:
    """The table's rows: each rival with what Babelift gains on it."""
    ours, repeats = timed["babelift"], timed["babelift, repeats"]
    loop = f"plain loop int8, batches of {LOOP_BATCH}"
    transformers = f"transformers, batches of {TRANSFORMERS_BATCH}"
    wide = beam != "1"
    shown: list[tuple[str, str, Timed[list[str]], float | None]] = [
        (loop, "loop", ours, LOOP),
        (f"{transformers}, fp32", "fp32", ours, TENFOLD if wide else None),
        (f"{transformers}, bf16, sorted", "bf16", ours, SORTED if wide else None),
        (f"{loop}, {REPEATED:.0%} repeated", "loop, repeats", repeats, None),
    ]

    def line(what: str, one: Timed[list[str]], verdict: list[str]) -> list[str]:
        return [beam, what, *one.columns, f"{texts / one.whole:,.4g}", *verdict]

    return [
        line("babelift int8", ours, ["", "", ""]),
        *(line(what, timed[name], against(times_as_fast(mine, timed[name]), aim))
          for what, name, mine, aim in shown),
        line(f"babelift int8, {REPEATED:.0%} repeated", repeats,
             against(ours.median / repeats.median, None)),
        line("babelift, again from the memory", timed["babelift, memory"],
             against(ours.median / timed["babelift, memory"].median, AGAIN)),
    ]  # fmt: skip


class Babelift:
    """Babelift's table translation on CTranslate2, opened and converted beforehand."""

    def __init__(self, model: Path, beam: int, folder: Path) -> None:
        from babelift.translation.engines.convert import converted

        self.translator = open_translator(model, beam, "int8")
        self.folder = converted(model, "int8", name="bench")
        self._memories = folder
        self._numbers = count()
        self._kept = Memory(folder / "kept.sqlite")

    def fresh(self, texts: Sequence[str]) -> list[str]:
        """Translate with an empty memory."""
        with Memory(self._memories / f"{next(self._numbers)}.sqlite") as memory:
            return self._through(memory, texts)

    def again(self, texts: Sequence[str]) -> list[str]:
        """Translate with the memory of the times before."""
        return self._through(self._kept, texts)

    def _through(self, memory: Memory, texts: Sequence[str]) -> list[str]:
        opened = OpenTranslators(self.translator, memory)
        made = opened.translate_rows(table_of(texts), ["de"], quality="keep")
        return made.rows["text"].to_list()


def open_translator(model: Path, beam: int, compute_type: str) -> CT2Translator:
    """Babelift's translator of a model's folder."""
    from babelift.config import Translating as Settings
    from babelift.translation.engines.ctranslate2 import load_published

    settings = Settings(compute_type=compute_type, beam_size=beam)
    return load_published(model, settings, name=f"bench-{compute_type}-{beam}")


def table_of(texts: Sequence[str]) -> pl.DataFrame:
    """Rows as Babelift's readers make them."""
    ids = [str(number) for number in range(len(texts))]
    return originals(
        ids=ids, texts=list(texts), labels=["x"] * len(texts), langs=["en"] * len(texts),
        split="train",
    )  # fmt: skip


def fastest_loop(folder: Path, model: Path, beam: int, trial: Sequence[str]) -> Translate:
    """CTranslate2 as its guide to transformers' models has it, with its best number of threads."""
    import time

    def seconds(loop: Translate) -> float:
        loop(trial[:2])
        began = time.perf_counter()
        loop(trial)
        return time.perf_counter() - began

    loops = {threads: plain_loop(folder, model, beam, threads) for threads in (0, 1)}
    found = min(loops, key=lambda threads: seconds(loops[threads]))
    print(f"beam {beam}: the plain loop has {f'{found} thread' if found else 'default threads'}, "
          "which is faster for it")  # fmt: skip
    return loops[found]


def plain_loop(folder: Path, model: Path, beam: int, threads: int) -> Translate:
    """CTranslate2 in fixed batches, in the order of the texts."""
    import ctranslate2
    from sentencepiece import SentencePieceProcessor

    engine: Any = ctranslate2.Translator(str(folder), compute_type="int8", intra_threads=threads)
    pieces = SentencePieceProcessor(model_file=str(model / "sentencepiece.bpe.model"))

    def loop(texts: Sequence[str]) -> list[str]:
        found: list[str] = []
        for start in range(0, len(texts), LOOP_BATCH):
            split = pieces.encode(list(texts[start : start + LOOP_BATCH]), out_type=str)
            made = engine.translate_batch(
                [["__en__", *tokens, "</s>"] for tokens in split],
                target_prefix=[["__de__"]] * len(split),
                beam_size=beam,
                max_decoding_length=199,
            )
            found += [pieces.decode(result.hypotheses[0][1:]) for result in made]
        return found

    return loop


class Transformers:
    """What the model's card shows, in batches, in the order of the texts."""

    def __init__(self, model: Path, beam: int, kind: str) -> None:
        import torch
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        from babelift.hub import without_progress_bars

        with without_progress_bars():
            self._network: Any = AutoModelForSeq2SeqLM.from_pretrained(
                model, dtype=getattr(torch, kind)
            ).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(model, src_lang="en")
        self._beam = beam

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Translate texts in batches."""
        import torch

        # An engine of CTranslate2 in the same process leaves fewer.
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        tokenizer, found = self._tokenizer, []
        for start in range(0, len(texts), TRANSFORMERS_BATCH):
            batch = tokenizer(
                list(texts[start : start + TRANSFORMERS_BATCH]), return_tensors="pt", padding=True
            )
            made = self._network.generate(
                **batch, forced_bos_token_id=tokenizer.get_lang_id("de"), num_beams=self._beam,
                do_sample=False, early_stopping=self._beam > 1,
            )  # fmt: skip
            found += tokenizer.batch_decode(made, skip_special_tokens=True)
        return found


def check(
    timed: dict[str, Timed[list[str]]], texts: list[str], repeating: list[str], beam: int
) -> None:
    """End the benchmark where Babelift and the loop, or Babelift and itself, differ too often."""
    ours = timed["babelift"].result
    by_text = dict(zip(texts, ours, strict=True))
    expected = {
        "babelift, memory": ours,
        "loop": ours,
        "babelift, repeats": [by_text[text] for text in repeating],
        "loop, repeats": [by_text[text] for text in repeating],
    }
    for name, wanted in expected.items():
        equal = sum(map(alike, timed[name].result, wanted))
        same(f"translations, beam {beam}, {name}", equal, len(wanted), least=LEAST_SAME_INT8)


def check_float32(model: Path, beam: int, texts: list[str], theirs: list[str]) -> None:
    """End the benchmark where the engines differ in float32: then they are not the same model."""
    translator = open_translator(model, beam, "float32")
    ours = [made.text or "" for made in translator.translate(texts, "en", "de")]
    equal = sum(map(alike, ours, theirs))
    what = f"translations, beam {beam}, CTranslate2 and transformers, both float32"
    same(what, equal, len(texts), least=LEAST_SAME)


def alike(one: str, other: str) -> bool:
    """Whether two texts differ in white space alone, which decoders treat differently."""
    return "".join(one.replace("▁", " ").split()) == "".join(other.replace("▁", " ").split())


if __name__ == "__main__":
    main()
