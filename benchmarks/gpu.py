"""Translating, fine-tuning and predicting on a GPU, in tokens and examples a second.

Not part of what `make bench` measures on a processor: without a GPU it says so and ends. `--toy`
runs the same code on any machine with models too small to mean anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import hardware
import predict
import train
from _data import reviews, sentences
from _models import (
    DISTILBERT_MULTILINGUAL,
    M2M100_418M,
    Classifying,
    Translating,
    classifier,
    m2m100,
)
from _operations import classifying
from _timing import (
    TIMES,
    VERDICT,
    Timed,
    against,
    alternate,
    benchmark,
    chosen,
    same,
    table,
    times_as_fast,
)

WANTED: Final = ("float16", "bfloat16", "int8_float16")
BATCH: Final = 64
SHARE_AIM: Final = 0.4


@dataclass(frozen=True)
class Size:
    """How much work there is.

    Attributes:
        translator: Shape of the translator.
        classifier: Shape of the classifier.
        texts: To translate and to predict.
        rows: To fine-tune on.
        batch: Rows of an update.
        rounds: Of everything.
        matrix: Of the matrices that the limit is measured on.
    """

    translator: Translating
    classifier: Classifying
    texts: int
    rows: int
    batch: int
    rounds: int
    matrix: hardware.Size


_REAL = (M2M100_418M, DISTILBERT_MULTILINGUAL)
SIZES = {
    "full": Size(*_REAL, 20_000, 4000, 256, 5, hardware.Size(8192, 5.0)),
    "quick": Size(*_REAL, 2000, 1000, 256, 5, hardware.Size(8192, 1.0)),
    "toy": Size(
        Translating(64, 1, 1500), Classifying(64, 1, 1000), 24, 64, 32, 1, hardware.Size(64, 0.01)
    ),
}


def main() -> None:
    """Run all three on the GPU; on the processor with `--toy`."""
    import torch

    name, size = chosen(SIZES, __doc__)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and name != "toy":
        print("gpu: there is none, skipped (--toy tries the code)\n")
        return
    with benchmark("On a GPU", name) as folder:
        print(torch.cuda.get_device_name() if device == "cuda" else "on the processor")
        limit = hardware.rate(size.matrix, product(size.matrix.side, device))
        print(f"bfloat16 matrices: {limit / 1e12:.3g} T operations a second")
        translation(size, folder, device)
        tuning(size, folder, limit)
        prediction(size, folder, device)


def product(side: int, device: str) -> Callable[[], Any]:
    """A product of bfloat16 matrices that has ended when the call has."""
    import torch

    one, other = (torch.randn(side, side, device=device).bfloat16() for _ in range(2))

    def run() -> None:
        _ = one @ other
        settle()

    return run


def settle() -> None:
    """Wait until the GPU has done what it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def translation(size: Size, folder: Path, device: str) -> None:
    """CTranslate2 in several arithmetics against transformers in bfloat16 with a static cache."""
    import ctranslate2

    texts = reviews(size.texts)
    model = m2m100(folder / "translator", sentences("en").texts, size.translator)
    possible = ctranslate2.get_supported_compute_types(device)
    kinds = [kind for kind in WANTED if kind in possible] or ["float32"]
    rivals: dict[str, Callable[[], list[int]]] = {
        f"CTranslate2 {kind}": partial(ctranslate2_loop(model, kind, device), texts)
        for kind in kinds
    }
    name = f"transformers bf16, static cache, sorted, batches of {BATCH}"
    rivals[name] = partial(static_cache(model, device), texts)
    timed = alternate(rivals, rounds=size.rounds)
    rows = []
    for what, one in timed.items():
        tokens = sum(one.result)
        # They do not compute in one arithmetic, so outputs differ: tokens a second are compared.
        faster = tokens / one.median / (sum(timed[name].result) / timed[name].median)
        verdict = against(faster, None)[:1] if what != name else [""]
        rows.append([what, *one.columns, f"{tokens:,}", f"{tokens / one.median:,.0f}", *verdict])
    print(f"\n{size.translator}, {len(texts):,} texts, greedy")
    table(["engine", *TIMES, "tokens out", "tokens/s", "times as fast"], rows)


def ctranslate2_loop(model: Path, kind: str, device: str) -> Callable[[Sequence[str]], list[int]]:
    """CTranslate2 on a device: tokens of each output."""
    import ctranslate2
    from sentencepiece import SentencePieceProcessor

    from babelift.translation.engines.convert import converted

    folder = converted(model, "float32", name="bench")
    engine: Any = ctranslate2.Translator(str(folder), device=device, compute_type=kind)
    pieces = SentencePieceProcessor(model_file=str(model / "sentencepiece.bpe.model"))

    def run(texts: Sequence[str]) -> list[int]:
        split = pieces.encode(list(texts), out_type=str)
        made = engine.translate_batch(
            [["__en__", *tokens, "</s>"] for tokens in split],
            target_prefix=[["__de__"]] * len(split), beam_size=1, max_decoding_length=199,
            max_batch_size=16_384, batch_type="tokens",
        )  # fmt: skip
        return [len(result.hypotheses[0]) - 1 for result in made]

    return run


def static_cache(model: Path, device: str) -> Callable[[Sequence[str]], list[int]]:
    """transformers' generate, compiled for a cache of one size: tokens of each output."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from babelift.hub import without_progress_bars

    with without_progress_bars():
        network: Any = AutoModelForSeq2SeqLM.from_pretrained(model, dtype=torch.bfloat16)
    network = network.eval().to(device)
    tokenizer: Any = AutoTokenizer.from_pretrained(model, src_lang="en")

    def run(texts: Sequence[str]) -> list[int]:
        found: list[int] = []
        ordered = sorted(texts, key=len, reverse=True)
        for start in range(0, len(ordered), BATCH):
            batch = tokenizer(
                list(ordered[start : start + BATCH]), return_tensors="pt", padding=True,
                pad_to_multiple_of=16,
            ).to(device)  # fmt: skip
            made = network.generate(
                **batch, forced_bos_token_id=tokenizer.get_lang_id("de"), num_beams=1,
                do_sample=False, early_stopping=False, cache_implementation="static",
            )  # fmt: skip
            kept = (made[:, 2:] != tokenizer.pad_token_id) & (made[:, 2:] != tokenizer.eos_token_id)
            found += kept.sum(dim=1).tolist()
        settle()
        return found

    return run


def tuning(size: Size, folder: Path, limit: float) -> None:
    """Fine-tuning with OTC: examples a second, and the share of the matrix rate."""
    from babelift.config import Training
    from babelift.training.trainer import train_classifier

    rows, labels, _ = train.pairs(size.rows)
    model = classifier(
        folder / "encoder", rows["text"].to_list(), size.classifier, labels=labels
    )  # fmt: skip
    settings = Training(
        encoder=str(model), epochs=3, batch_size=size.batch, max_length=train.LENGTH,
        learning_rate=1e-4,
    )  # fmt: skip
    numbers = iter(range(1000))

    def run() -> Any:
        return train_classifier(
            rows, None, settings, labels=labels, run_dir=folder / f"run{next(numbers)}"
        )

    found: Timed[Any] = alternate({"babelift": run}, rounds=size.rounds)["babelift"]
    result = found.result
    examples = settings.batch_size * result.steps
    work = classifying(size.classifier, examples, result.tokens, training=True)
    share = work / result.seconds / limit
    print(f"\n{size.classifier}, {rows.height:,} rows, 3 passes, {size.batch} in a batch")
    table(
        ["fine-tuning with OTC", "updates alone, s", "examples/s", *TIMES,
         "share of the matrix rate", *VERDICT],
        [["babelift", f"{result.seconds:.3g}", f"{examples / result.seconds:,.0f}", *found.columns,
          *against(share, SHARE_AIM)]],
    )  # fmt: skip


def prediction(size: Size, folder: Path, device: str) -> None:
    """Predictor against the pipeline, both on the device."""
    from transformers import pipeline

    from babelift.hub import without_progress_bars
    from babelift.prediction.predictor import Predictor

    texts = reviews(size.texts, ("en", "de", "es", "fr"))
    model = classifier(folder / "classifier", texts, size.classifier, gap=predict.GAP)
    predictor = Predictor.load(model, precision="auto")
    with without_progress_bars():
        pipe: Any = pipeline(
            "text-classification", model=str(model), batch_size=BATCH, device=device
        )
    rivals: dict[str, Callable[[], list[str]]] = {
        "babelift": lambda: predictor.predict(texts, batch_size=BATCH),
        "pipeline fp32": lambda: [found["label"] for found in pipe(texts)],
    }
    timed = alternate(rivals, rounds=size.rounds)
    ours, theirs = timed["babelift"], timed["pipeline fp32"]
    equal = sum(map(str.__eq__, ours.result, theirs.result))
    same("labels", equal, len(texts), least=0.999)
    print(f"\n{size.classifier}, {len(texts):,} texts, batches of {BATCH}")
    table(
        ["predicting", *TIMES, "texts/s", "babelift is times as fast"],
        [
            ["babelift", *ours.columns, f"{len(texts) / ours.median:,.0f}", ""],
            ["pipeline fp32", *theirs.columns, f"{len(texts) / theirs.median:,.0f}",
             against(times_as_fast(ours, theirs), None)[0]],
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
