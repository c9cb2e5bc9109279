"""A small encoder on disk, and rows that it can learn."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from babelift.config import Training
from babelift.corpus.rows import conform, originals, translation_id

LABELS = ["bad", "good"]
WORDS = {
    "en": {"good": ["fine", "lovely"], "bad": ["awful", "broken"], "thing": "the kettle number"},
    "de": {"good": ["gut", "schön"], "bad": ["furchtbar", "kaputt"], "thing": "Kessel Nummer"},
    "ja": {"good": ["良い", "素敵"], "bad": ["最悪", "壊れた"], "thing": "やかん番号"},
}


def _text(lang: str, label: str, number: int) -> str:
    words = WORDS[lang]
    return f"{words['thing']} {number}: {words[label][number % 2]} " + "x " * (number % 5)


def make_rows(count: int, *, to: tuple[str, ...] = ("de", "ja"), first: int = 0) -> pl.DataFrame:
    """`count` English originals, and their translations."""
    numbers = range(first, first + count)
    labels = [LABELS[number % 3 % 2] for number in numbers]
    texts = {
        lang: [_text(lang, label, number) for label, number in zip(labels, numbers, strict=True)]
        for lang in WORDS
    }
    frame = originals(
        ids=[f"r{number}" for number in numbers],
        texts=texts["en"],
        labels=list(labels),
        langs=["en"] * count,
        split="train",
    )
    translated = [
        conform(
            frame.with_columns(
                pl.Series("id", [translation_id(name, lang) for name in frame["id"]]),
                pl.Series("text", texts[lang]),
                pl.lit(lang).alias("lang"),
                pl.lit("en").alias("source_lang"),
                pl.lit("machine").alias("origin"),
                pl.lit("table").alias("translator"),
            )
        )
        for lang in to
    ]
    return pl.concat([frame, *translated])


@pytest.fixture
def labels() -> list[str]:
    return list(LABELS)


@pytest.fixture
def rows_of() -> Callable[..., pl.DataFrame]:
    return make_rows


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DistilBERT of one layer and 32 units, without a classification head."""
    import torch
    from transformers import DistilBertConfig, DistilBertModel

    from babelift.training.scratch import train_tokenizer

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer: Any = train_tokenizer(make_rows(40)["text"].to_list())
    tokenizer.model_max_length = 512
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = DistilBertConfig(
            vocab_size=len(tokenizer),
            dim=32,
            hidden_dim=64,
            n_layers=1,
            n_heads=2,
            max_position_embeddings=64,
            initializer_range=0.1,
        )
        DistilBertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def steady(tmp_path: Path, tiny_encoder: Path) -> Path:
    """The small encoder without dropout."""
    folder = tmp_path / "steady"
    shutil.copytree(tiny_encoder, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def quick(tiny_encoder: Path) -> Callable[..., Training]:
    """Settings that train the small encoder in a moment."""

    def settings(**changes: Any) -> Training:
        values: dict[str, Any] = {
            "encoder": str(tiny_encoder),
            "learning_rate": 1e-2,
            "epochs": 2,
            "batch_size": 8,
            "max_length": 32,
            "precision": "fp32",
        }
        return Training(**{**values, **changes})

    return settings


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], AbstractContextManager[None]]:
    """Ends every training inside the block without a word, as a kill would, after some updates."""
    from babelift.training.loop import Loop

    real = Loop._update

    @contextmanager
    def block(updates: int) -> Iterator[None]:
        def killed(self: Loop, log: Any) -> None:
            if self.state.step == updates:
                raise InterruptedError
            real(self, log)

        with monkeypatch.context() as patch:
            patch.setattr(Loop, "_update", killed)
            with pytest.raises(InterruptedError):
                yield

    return block
