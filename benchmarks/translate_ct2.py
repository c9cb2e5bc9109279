"""M2M100 on CTranslate2 (Babelift's m2m100) against transformers' generate in batches of 16."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from _data import sentences
from _models import m2m100
from _timing import TIMES, alternate, benchmark, same, table, times_as_fast

BATCH = 16
TEXTS = 64
LENGTH = 34


def main() -> None:
    """Translate English sentences to German greedily; count the tokens that come out."""
    title = "Translating: CTranslate2 / transformers generate, greedy, both on all cores"
    with benchmark(title) as folder:
        data = sentences("en")
        print(f"texts: {TEXTS} {data.source}; M2M100 of 6+6 layers of 512, random weights")
        model = m2m100(folder / "model", data.texts, width=512, layers=6, longest=LENGTH)
        texts = data.texts[:TEXTS]
        rivals: dict[str, Callable[[], list[list[str]]]] = {
            "babelift int8": babelift(model, texts, "int8"),
            "babelift float32": babelift(model, texts, "float32"),
            "transformers": transformers(model, texts),
        }
        timed = alternate(rivals)
        theirs = timed["transformers"]
        pairs = zip(timed["babelift float32"].result, theirs.result, strict=True)
        same("tokens, float32", sum(ours == other for ours, other in pairs), TEXTS, least=0.95)
        rows = []
        for name, time in timed.items():
            tokens = sum(map(len, time.result))
            ratio = times_as_fast(time, theirs) if time is not theirs else "1"
            speed = f"{tokens / time.median:,.0f}"
            rows.append([name, *time.columns, f"{tokens:,}", speed, ratio])
        table(["engine", *TIMES, "tokens out", "tokens/s", "times as fast"], rows)


def babelift(model: Path, texts: list[str], compute_type: str) -> Callable[[], list[list[str]]]:
    """Babelift's translator, opened and converted beforehand."""
    from babelift.config import Translating
    from babelift.translate.ct2 import load_published

    settings = Translating(compute_type=compute_type)
    translator = load_published(model, settings, name=f"bench-{compute_type}")
    return lambda: [output.tokens for output in translator.generate(texts, "en", "de")]


def transformers(model: Path, texts: list[str]) -> Callable[[], list[list[str]]]:
    """What the model's card shows, in batches, in the order of the texts."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from babelift.hub import without_progress_bars

    with without_progress_bars():
        network: Any = AutoModelForSeq2SeqLM.from_pretrained(model, dtype=torch.float32).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(model, src_lang="en")
    german = tokenizer.get_lang_id("de")
    threads = torch.get_num_threads()

    def run() -> list[list[str]]:
        torch.set_num_threads(threads)  # CTranslate2 in the same process changes it
        found: list[list[str]] = []
        for start in range(0, len(texts), BATCH):
            batch = tokenizer(texts[start : start + BATCH], return_tensors="pt", padding=True)
            made = network.generate(
                **batch, forced_bos_token_id=german, num_beams=1, do_sample=False
            )
            # Each row begins with the start and the language; the last token is a forced end.
            found += [tokenizer.convert_ids_to_tokens(row[2:]) for row in made.tolist()]
        return found

    return run


if __name__ == "__main__":
    main()
