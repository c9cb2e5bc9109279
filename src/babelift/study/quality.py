"""How good the translations are that a study trains on: worked out once, kept beside them."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from babelift.evaluation.translation_quality import Encode, quality_by_pair
from babelift.precision import choose_precision
from babelift.progress import Progress
from babelift.store import write_json
from babelift.study.cache import Need
from babelift.study.condition import REFERENCE
from babelift.study.rows import reference_rows

if TYPE_CHECKING:
    from babelift.study.plan import Plan

_BATCH: Final = 64
_LONGEST: Final = 128


def qualities(plan: "Plan", progress: Progress) -> list[dict[str, Any]]:
    """The quality of every table of translations that was trained on.

    Args:
        plan: The study.
        progress: Where progress is shown.

    Returns:
        Rows of `summary.QUALITY`: chrF and BLEU where the data set is parallel, the similarity of
        sentences by the study's first encoder as it was before training, and the share of rows in
        which the checks found a fault. The reference has similarity alone.
    """
    needs = [need for needed in plan.needs for need in needed if need.split == "train"]
    largest = _largest(need for need in needs if need.made)
    encode = sentence_encoder(next(iter(plan.spec.encoders.values())))
    found = []
    with progress.task("scoring translations", len(largest), unit="tables") as bar:
        for need in largest:
            found.append(_quality(plan, need, encode))
            bar.advance()
    return found


def sentence_encoder(spec: str) -> Encode | None:
    """Sentence vectors of an encoder as it is: the mean over its last layer.

    The encoder is opened when it is first asked. Vectors of the last texts are kept, since tables
    of one source share their originals.

    Args:
        spec: A name from `train.encoder.ENCODERS`, a folder, or a hub id.

    Returns:
        None for `scratch`, which knows nothing before training.
    """
    from babelift.training.encoder import SCRATCH, find_encoder

    if spec == SCRATCH:
        return None

    @cache
    def opened() -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        from babelift.training.encoder import quietly

        folder = find_encoder(spec)
        with quietly():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
            )
        return tokenizer, model.float().eval()

    last: dict[str, npt.NDArray[np.float32]] = {}

    def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        import torch

        from babelift.training.data import TokenCache, by_length
        from babelift.training.objective import pool

        tokenizer, model = opened()
        fast = choose_precision("auto", torch.device("cpu")) == "bf16"
        new = [text for text in dict.fromkeys(texts) if text not in last]
        tokens = TokenCache(tokenizer, new, _LONGEST)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=fast):
            for rows in by_length(tokens.lengths, _BATCH):
                ids, mask = tokens.batch(rows)
                hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
                vectors = pool(hidden, mask, "mean").numpy()
                last.update(zip((new[row] for row in rows), vectors, strict=True))
        for text in last.keys() - set(texts):
            del last[text]
        return np.stack([last[text] for text in texts])

    return encode


def _largest(needs: Iterable[Need]) -> list[Need]:
    """Of every translator and pair the table with most rows: the smaller ones are parts of it."""
    found: dict[tuple[str, str, str], tuple[int, Need]] = {}
    for need in dict.fromkeys(needs):
        rows = pl.scan_parquet(need.path).select(pl.len()).collect().item()
        key = (need.translator, need.source, need.target)
        if key not in found or rows > found[key][0]:
            found[key] = (rows, need)
    return [need for _, need in found.values()]


def _quality(plan: "Plan", need: Need, encode: Encode | None) -> dict[str, Any]:
    path = need.path.with_suffix(".quality.json")
    if path.is_file():
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {**known, "translator": need.translator}
    originals, made = pl.read_parquet(need.table), pl.read_parquet(need.path)
    made = made.with_columns(origin=pl.lit("machine"), translator=pl.lit(need.translator))
    parts = [originals, made]
    if need.target in plan.tables.train and plan.spec.parallel and need.translator != REFERENCE:
        parts.append(reference_rows(originals, plan.tables.train[need.target]))
    (row,) = quality_by_pair(pl.concat(parts), encode=encode).to_dicts()
    counts = need.report.get("pairs", {}).get(f"{need.source}>{need.target}", {})
    found = {
        "translator": need.translator,
        "source": need.source,
        "lang": need.target,
        "rows": made.height,
        "chrf": row["chrf"],
        "bleu": row["bleu"],
        "similarity": row["similarity"],
        "flagged": counts.get("faulty", 0) / counts["rows"] if counts.get("rows") else None,
    }
    write_json(found, path)
    return found
