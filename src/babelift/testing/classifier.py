"""A small classifier with random weights, as a plain transformers folder."""

from collections.abc import Sequence
from pathlib import Path


def tiny_classifier(folder: Path, labels: Sequence[str], *, seed: int = 0) -> Path:
    """Write a small DistilBERT classifier and its tokenizer, as training leaves them.

    Its answers mean nothing, but they differ from text to text.

    Args:
        folder: Where to write; made if missing.
        labels: Its labels.
        seed: Seed of the weights.

    Returns:
        The folder.
    """
    import torch
    from transformers import DistilBertForSequenceClassification

    from babelift.hub import without_progress_bars
    from babelift.testing.models import tiny_distilbert

    tiny_distilbert(folder, seed=seed)
    with without_progress_bars(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = DistilBertForSequenceClassification.from_pretrained(
            folder,
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
        )
        for weights in model.parameters():
            if weights.dim() == 2:
                torch.nn.init.normal_(weights, std=1.5 * weights.shape[1] ** -0.5)
        model.save_pretrained(folder)
    return folder
