"""How fast this machine multiplies matrices, and the least time the benchmarks' work takes at that.

The rates are of large matrices, the best case; a decoder's are thin, and memory bounds them sooner.
In float32 and bfloat16 torch is measured, in int8 torch's dynamically quantised layer, whose
rounding of the input counts.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from _models import DISTILBERT_MULTILINGUAL, M2M100_418M
from _operations import classifying, translating
from _timing import benchmark, chosen, table

TEXTS, TOKENS = 2000, 45
"""Review-length texts and the tokens of one, in and out."""


@dataclass(frozen=True)
class Size:
    """How large the matrices are, and how long each is measured, in seconds."""

    side: int
    seconds: float


SIZES = {"full": Size(4096, 5.0), "quick": Size(2048, 2.0), "smoke": Size(256, 0.05)}


def main() -> None:
    """Print the rates, and the work at each of them."""
    name, size = chosen(SIZES, __doc__)
    with benchmark("Hardware", name):
        rates = {kind: rate(size, run) for kind, run in multiplications(size.side).items()}
        table(
            ["arithmetic", f"G operations a second, {size.side} x {size.side}"],
            [[kind, f"{found / 1e9:,.0f}"] for kind, found in rates.items()],
        )
        tokens = TEXTS * TOKENS
        work = {
            "translate, beam 1": translating(M2M100_418M, TEXTS, tokens, tokens),
            "translate, beam 5": translating(M2M100_418M, TEXTS, tokens, tokens, beam=5),
            "fine-tune": classifying(
                DISTILBERT_MULTILINGUAL, TEXTS, tokens, training=True
            ),
            "predict": classifying(DISTILBERT_MULTILINGUAL, TEXTS, tokens),
        }  # fmt: skip
        table(
            [f"{TEXTS:,} texts of {TOKENS} tokens", "T operations",
             *(f"{kind}, at least s" for kind in rates)],
            [
                [what, f"{operations / 1e12:.3g}",
                 *(f"{operations / found:.3g}" for found in rates.values())]
                for what, operations in work.items()
            ],
        )  # fmt: skip


def multiplications(side: int) -> dict[str, Callable[[], Any]]:
    """A product of two square matrices in each arithmetic."""
    import torch

    found: dict[str, Callable[[], Any]] = {}
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        one, other = (torch.randn(side, side).to(kind) for _ in range(2))
        found[name] = lambda one=one, other=other: one @ other
    layer = torch.nn.Sequential(torch.nn.Linear(side, side, bias=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small = torch.ao.quantization.quantize_dynamic(layer, {torch.nn.Linear}, torch.qint8)
    given = torch.randn(side, side)
    found["int8"] = lambda: small(given)
    return found


def rate(size: Size, run: Callable[[], Any]) -> float:
    """Operations a second, at the best of several repetitions: this is to be the limit."""
    import torch

    seconds: list[float] = []
    with torch.inference_mode():
        run()
        while sum(seconds) < size.seconds or len(seconds) < 5:
            began = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - began)
    return 2 * size.side**3 / min(seconds)


if __name__ == "__main__":
    main()
