"""The `scratch` encoder: a small DistilBERT and its tokenizer, made from the run's own texts alone.

One layer of attention over word vectors learns little from a few thousand short texts when the
vectors start at random. They start from latent semantic analysis instead (Deerwester et al. 1990);
an original and its translations count as one document, as in its cross-lingual form (Littman et
al. 1998), so that words of different languages that mean the same start close together. Nothing
but the training texts is used: without translations, other languages' words stay unknown.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from babelift.errors import DataError
from babelift.hub import open_tokenizer
from babelift.store import replace_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

VOCABULARY: Final = (1_000, 16_000)
"""Least and most tokens; between, one for every 40 characters of text, so that each is seen."""

CHARACTERS_PER_TOKEN: Final = 40
ALPHABET: Final = 6_000
"""Most characters that get a token of their own; Chinese alone has thousands."""

TOKENIZER_TEXTS: Final = 100_000
"""Most texts that the tokenizer is learnt from."""

POSITIONS: Final = 512
DIM: Final = 128
HEADS: Final = 4
DROPOUT: Final = 0.3
ATTENTION_DROPOUT: Final = 0.3
DOCUMENTS: Final = 5_000
"""Most items that word vectors are made from; more change them little."""

_STD: Final = 0.02
_COMMON: Final = 2.0
"""How much the shared direction of frequent words outweighs the rest of their vectors."""

_GAIN: Final = 3.0
"""How strongly the first layer passes word vectors on to the first token."""

_SPECIAL: Final = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}

Floats = NDArray[np.float32]


def build(
    texts: Sequence[str],
    documents: Sequence[int],
    *,
    labels: Sequence[str],
    seed: int,
    tokenizer_folder: Path | None = None,
) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Make the encoder; the same texts and seed give the same weights.

    Args:
        texts: Training texts, originals and translations.
        documents: For each text the number of the item it renders.
        labels: Label names, in the order of their ids.
        seed: Seed of the weights.
        tokenizer_folder: Where a tokenizer made before is found, or this one is kept.

    Raises:
        DataError: There is no text to learn from.
    """
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    tokenizer = _tokenizer(texts, tokenizer_folder)
    config = DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=DIM,
        hidden_dim=4 * DIM,
        n_layers=1,
        n_heads=HEADS,
        max_position_embeddings=POSITIONS,
        dropout=DROPOUT,
        attention_dropout=ATTENTION_DROPOUT,
        pad_token_id=tokenizer.pad_token_id,
        id2label=dict(enumerate(labels)),
        initializer_range=_STD,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = DistilBertForSequenceClassification(config)
        words = word_vectors(tokenizer, texts, documents, seed=seed)
        embeddings = model.distilbert.embeddings
        # Positions start at nothing, so that those longer than any training text add no noise.
        embeddings.position_embeddings.weight.zero_()
        embeddings.word_embeddings.weight += _STD * DIM**0.5 * torch.from_numpy(words)
        # The first token then starts as the mean of the rest of the word vectors, not a constant.
        attention: Any = model.distilbert.transformer.layer[0].attention
        passed_on = _GAIN * torch.eye(DIM)
        passed_on[0] = 0
        attention.v_lin.weight += passed_on
        attention.out_lin.weight += torch.eye(DIM)
    return model, tokenizer


def train_tokenizer(texts: Sequence[str]) -> "PreTrainedTokenizerBase":
    """A BPE tokenizer learnt from texts; the same texts give the same tokenizer.

    Text is NFKC-normalised, split at spaces and punctuation, and merged within those stretches, so
    that languages without spaces work. Characters never seen become `[UNK]`.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    wanted = sum(len(text) for text in texts) // CHARACTERS_PER_TOKEN
    vocabulary = min(max(wanted, VOCABULARY[0]), VOCABULARY[1])
    backend = Tokenizer(models.BPE(unk_token="[UNK]"))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    backend.decoder = decoders.Metaspace()
    backend.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            limit_alphabet=ALPHABET,
            max_token_length=12,
            special_tokens=list(_SPECIAL.values()),
            show_progress=False,
        ),
    )
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, backend.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    make: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerBase = make(
        tokenizer_object=backend,
        model_max_length=POSITIONS,
        model_input_names=["input_ids", "attention_mask"],
        **_SPECIAL,
    )
    return tokenizer


def word_vectors(
    tokenizer: Any, texts: Sequence[str], documents: Sequence[int], *, seed: int
) -> Floats:
    """Start vectors of all tokens, `(vocabulary, DIM) float32`, by latent semantic analysis.

    A token's vector is its row of the singular vectors of the log-count, inverse-document-
    frequency weighted matrix of tokens by documents, scaled by the square root of the singular
    values, turned at random and brought to length 1. The first dimension holds how common the
    token is: layer normalisation, which makes all vectors equally long, thereby shrinks the rest
    of a common word's vector. Tokens that do not occur get zeros.
    """
    from scipy.sparse import diags_array
    from sklearn.utils.extmath import randomized_svd

    result = np.zeros((len(tokenizer), DIM), dtype=np.float32)
    counts = _count(tokenizer, texts, documents, seed)
    rank = min(DIM - 1, counts.shape[1] - 1)
    if rank < 1:
        return result
    occurrences = np.diff(counts.indptr)
    rarity = np.log(counts.shape[1] / np.maximum(occurrences, 1))
    weighted = diags_array(rarity) @ counts
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=0)).ravel())
    weighted = weighted @ diags_array(1 / np.maximum(lengths, 1e-9))
    left, values, _ = randomized_svd(weighted, rank, n_iter=4, random_state=seed)
    rows = left * np.sqrt(values)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(DIM - 1, DIM - 1)))[0]
    result[:, 1:] = rows @ turn[:rank]
    result[:, 0] = _COMMON * np.where(occurrences > 0, 1 - rarity / max(rarity.max(), 1e-9), 0)
    return result


def _count(tokenizer: Any, texts: Sequence[str], documents: Sequence[int], seed: int) -> Any:
    """`log(1 + count)` of tokens by documents, a sparse matrix; special tokens are left out."""
    from scipy.sparse import csr_array

    numbers = np.asarray(documents)
    kept = np.random.default_rng(seed).permutation(np.unique(numbers))[:DOCUMENTS]
    chosen = np.flatnonzero(np.isin(numbers, kept)).tolist()
    encodings = tokenizer([texts[row] for row in chosen], add_special_tokens=False, verbose=False)
    columns = np.searchsorted(np.sort(kept), numbers[chosen])
    lengths = [len(ids) for ids in encodings["input_ids"]]
    tokens = np.concatenate([np.asarray(ids, dtype=np.int64) for ids in encodings["input_ids"]])
    counts = csr_array(
        (np.ones(len(tokens)), (tokens, np.repeat(columns, lengths))),
        shape=(len(tokenizer), len(kept)),
    )
    counts.sum_duplicates()
    counts.data = np.log1p(counts.data)
    return counts


def _tokenizer(texts: Sequence[str], folder: Path | None) -> "PreTrainedTokenizerBase":
    if not any(text.strip() for text in texts):
        raise DataError("there is no text to make the encoder 'scratch' from.")
    if folder is not None and folder.is_dir():
        known: PreTrainedTokenizerBase = open_tokenizer(folder, kind="encoder")
        return known
    chosen = np.random.default_rng(0).permutation(len(texts))[:TOKENIZER_TEXTS]
    tokenizer = train_tokenizer([texts[row] for row in np.sort(chosen).tolist()])
    if folder is not None:
        replace_folder(folder, tokenizer.save_pretrained)
    return tokenizer
