"""A restricted output vocabulary: the target's tokens alone against all of an M2M100's.

Both sides are Babelift on the same int8 files, on the same texts, with the same outputs. The
weights are random; they are made so that tokens of other scripts never come out, which a trained
model must show by itself: Babelift tries texts both ways wherever it restricts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from _data import reviews, sentences
from _models import M2M100_418M, Translating, m2m100
from _timing import TIMES, VERDICT, against, alternate, benchmark, chosen, same, table
from babelift.translation.engines.ctranslate2 import CT2Translator, Output, load_published
from babelift.translation.engines.restricted import (
    Restriction,
    _make,
    always_allowed,
    vocabulary_map,
)

AIM: Final = 1.3
TRIALS: Final = 8
"""Batches before the timed ones; texts are tried both ways in the first, second, fourth, eighth."""


@dataclass(frozen=True)
class Size:
    """How much is translated.

    Attributes:
        shape: Of the model.
        texts: In one batch.
        rounds: Of everything; 7 at most, or a timed one tries texts both ways.
        kept: Shares of the vocabulary that are the target's; the first is the model's own.
    """

    shape: Translating
    texts: int
    rounds: int
    kept: tuple[float, ...] = (0.125, 0.5)


SIZES = {
    "full": Size(M2M100_418M, texts=32, rounds=5),
    "half": Size(M2M100_418M, texts=16, rounds=3),
    "quick": Size(Translating(512, 3, 32_000), texts=32, rounds=5),
    "smoke": Size(Translating(64, 1, 3_000), texts=8, rounds=1, kept=(0.5,)),
}


def main() -> None:
    """Compare for each share of the vocabulary and each beam width."""
    name, size = chosen(SIZES, __doc__)
    with benchmark("A restricted output vocabulary", name) as folder:
        texts = reviews(size.texts)
        print(f"{size.shape}, random weights; {len(texts)} texts, English to German; "
              f"{size.rounds} rounds")  # fmt: skip
        foreign = 1 - min(size.kept)
        model = m2m100(folder / "model", sentences("en").texts, size.shape, foreign=foreign)
        rows = [
            row for beam in (1, 5) for kept in size.kept
            for row in compare(model, texts, size, beam, kept)
        ]  # fmt: skip
        head = [
            "beam",
            "tokens",
            *TIMES,
            "by processor time",
            "times as fast as with all",
            *VERDICT,
        ]
        table(head, rows)


def compare(
    model: Path, texts: Sequence[str], size: Size, beam: int, kept: float
) -> list[list[str]]:
    """Time both at one beam width, and check that their outputs are the same."""
    whole, part = (open_translator(model, beam, choice) for choice in ("whole", "target"))
    allowed = keep(part, kept)
    for _ in range(TRIALS):
        part.generate(texts[:2], "en", "de")
    sides = {
        side: partial(translator.generate, texts, "en", "de")
        for side, translator in (("whole", whole), ("part", part))
    }
    timed = alternate(sides, rounds=size.rounds)
    outputs: list[list[Output]] = [timed[side].result for side in ("whole", "part")]
    equal = sum(one == other for one, other in zip(*outputs, strict=True))
    same(f"outputs, beam {beam}, {allowed:,} tokens", equal, len(texts))
    (note,) = part.notes
    print(f"it says: {note}", flush=True)
    ratio = timed["whole"].median / timed["part"].median
    processor = median(timed["whole"].processor) / max(median(timed["part"].processor), 1e-9)
    all_tokens = f"{size.shape.vocabulary:,}"
    return [
        [str(beam), all_tokens, *timed["whole"].columns, "", "", "", ""],
        [
            str(beam),
            f"{allowed:,}",
            *timed["part"].columns,
            f"{processor:.3g}",
            *against(ratio, AIM),
        ],
    ]


def open_translator(model: Path, beam: int, choice: str) -> CT2Translator:
    """Babelift's translator of a model's folder."""
    from babelift.config import Translating as Settings

    settings = Settings.from_mapping({"beam_size": beam, "output_vocabulary": choice})
    return load_published(model, settings, name="bench")


def keep(translator: CT2Translator, share: float) -> int:
    """Let so much of the vocabulary be the target's, and say how many tokens that is."""
    pieces, restriction = translator._pieces, translator._restriction
    assert restriction
    tokens = restriction._tokens
    own = {*always_allowed(tokens, "de"), *pieces.silent}
    others = [token for token in tokens if token not in own]
    more = others[: max(0, round(share * len(tokens)) - len(own))]
    restriction = Restriction(translator._folder, tokens, {*own, *more})
    restriction._folders["de"] = translator._folder.with_name(f"{translator._folder.name}-{share}")
    if not restriction._folders["de"].is_dir():
        _make(restriction._folders["de"], translator._folder, vocabulary_map(tokens, {*own, *more}))
    translator._restriction = restriction
    return len(own) + len(more)


if __name__ == "__main__":
    main()
