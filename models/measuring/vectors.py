"""Sentence vectors of an encoder as it is: the masked mean of its last layer."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Encode = Callable[[Sequence[str]], np.ndarray]
"""Gives (texts, dim) float32, rows of length one, in the order of the texts."""


def open_encoder(folder: Path, *, budget: int = 8192) -> Encode:
    """Open an encoder that compares sentences by the mean of its last layer.

    Multiplies in bfloat16 where the processor does, as training does; means are float32.

    Args:
        folder: What plain `AutoModel` and `AutoTokenizer` open.
        budget: Tokens that go through the model at once, padding included.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    from babelift.hub import quietly
    from babelift.precision import choose_precision
    from babelift.training.data import TokenCache
    from models.training import chunks

    with quietly():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(
            folder,
            attn_implementation="eager",
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
        ).eval()
    bf16 = choose_precision("auto", torch.device("cpu")) == "bf16"
    longest = min(int(tokenizer.model_max_length), int(model.config.max_position_embeddings))

    def encode(texts: Sequence[str]) -> np.ndarray:
        tokens = TokenCache(tokenizer, texts, longest)
        vectors = np.empty((len(texts), model.config.hidden_size), np.float32)
        order = np.argsort(tokens.lengths, kind="stable")
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            for rows in chunks(order, tokens.lengths, budget):
                ids, mask = tokens.batch(rows)
                hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
                mean = (hidden.float() * mask.unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True)
                vectors[rows] = torch.nn.functional.normalize(mean, dim=1).numpy()
        return vectors

    return encode
