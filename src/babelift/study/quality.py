"""How good the translations are that a study trains on: worked out once, kept beside them."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from babelift.evaluation.translation_quality import Encode, quality_by_pair
from babelift.precision import choose_precision
from babelift.progress import Progress
from babelift.store import read_table, write_record
from babelift.study.cache import TranslatedTable, key_of, locked, read_cached
from babelift.study.condition import REFERENCE
from babelift.study.plan import Plan, library_versions
from babelift.study.rows import reference_rows
from babelift.training.data import digest

REVISION: Final = 1
"""Part of the key of what is kept here. Raise it by hand with any change after which the same
translations score otherwise."""

_BATCH: Final = 64
_LONGEST: Final = 128


class Quality(BaseModel):
    """How good one translator's translations of one language pair are.

    Attributes:
        translator: Its name in the study.
        source: Language of the originals.
        lang: Language of the translations.
        rows: Translations that were looked at.
        chrf: 0 to 100, against the data set's own translations; None where it has none.
        bleu: Likewise.
        similarity: Mean cosine of original and translation by the study's first encoder as it was
            before training; None for `scratch`, which knows nothing then.
        flagged: Share of rows in which the checks found a fault; None for the reference.
    """

    model_config = ConfigDict(frozen=True)

    version: int = 1
    translator: str
    source: str
    lang: str
    rows: int
    chrf: float | None = None
    bleu: float | None = None
    similarity: float | None = None
    flagged: float | None = None


def qualities(plan: Plan, progress: Progress) -> list[Quality]:
    """The quality of every table of translations that was trained on.

    Args:
        plan: The study.
        progress: Where progress is shown.
    """
    largest = _largest(table for table in plan.needs if table.split == "train" and not table.back)
    name, spec = next(iter(plan.spec.encoders.items()))
    encode = sentence_encoder(spec)
    judged = []
    with progress.task("scoring translations", len(largest), unit="tables") as bar:
        for table in largest:
            judged.append(_quality(plan, table, encode, plan.encoders[name]))
            bar.advance()
    return judged


def sentence_encoder(spec: str) -> Encode | None:
    """Sentence vectors of an encoder as it is: the mean over its last layer.

    The encoder is opened when it is first asked. Vectors of the last texts are kept, since tables
    of one source share their originals.

    Args:
        spec: A name from `training.encoder.ENCODERS`, a folder, or a hub id.

    Returns:
        None for `scratch`, which knows nothing before training.
    """
    from babelift.training.encoder import SCRATCH, find_encoder

    if spec == SCRATCH:
        return None

    @cache
    def opened() -> tuple[Any, Any]:
        from transformers import AutoModel

        from babelift.hub import open_model, open_tokenizer

        folder = find_encoder(spec)
        return open_tokenizer(folder), open_model(AutoModel, folder, kind="encoder")[0]

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


def _largest(tables: Iterable[TranslatedTable]) -> list[TranslatedTable]:
    """Of every translator and pair the table with most rows: the smaller ones are parts of it."""
    largest: dict[tuple[str, str, str], tuple[int, TranslatedTable]] = {}
    for table in tables:
        if (record := table.record) is None:
            continue
        key = (table.translator, table.source, table.target)
        if key not in largest or record.kept > largest[key][0]:
            largest[key] = (record.kept, table)
    return [table for _, table in largest.values()]


def _quality(plan: Plan, table: TranslatedTable, encode: Encode | None, encoder: str) -> Quality:
    import torch

    reference = None
    if table.target in plan.tables.train and plan.spec.parallel and table.translator != REFERENCE:
        shared = plan.tables.train[table.source].select("group_id")
        reference = plan.tables.train[table.target].join(shared, on="group_id", how="semi")
    key = key_of(
        revision=REVISION, translations=table.path.name, originals=table.originals.name,
        reference=None if reference is None else digest(reference), encoder=encoder,
        precision=choose_precision("auto", torch.device("cpu")),
        versions=library_versions("torch", "transformers", "tokenizers", "sacrebleu"),
    )  # fmt: skip
    path = table.path.with_name(f"{key}.quality.json")
    with locked(path):
        known = read_cached(path, Quality)
        if known is None:
            known = _judge(table, reference, encode)
            write_record(known, path)
    return known.model_copy(update={"translator": table.translator})


def _judge(
    table: TranslatedTable, reference: pl.DataFrame | None, encode: Encode | None
) -> Quality:
    counts = table.counts
    judged = Quality(
        translator=table.translator,
        source=table.source,
        lang=table.target,
        rows=0,
        flagged=counts.get("faulty", 0) / counts["rows"] if counts.get("rows") else None,
    )
    originals, translations = read_table(table.originals), read_table(table.path)
    if translations.is_empty():
        return judged
    parts = [
        originals,
        translations.with_columns(origin=pl.lit("machine"), translator=pl.lit(table.translator)),
    ]
    if reference is not None and reference.height:
        parts.append(reference_rows(originals, reference))
    (scores,) = quality_by_pair(pl.concat(parts), encode=encode).to_dicts()
    measured = {name: scores[name] for name in ("chrf", "bleu", "similarity")}
    return judged.model_copy(update={"rows": translations.height, **measured})
