"""Builds an encoder that is not aligned: `python -m models.masked.build --data ../shared/data`.

A small BERT, taught to fill in masked pieces of single sentences in six languages: no pairs of
sentences and no teacher, as multilingual BERT and XLM-R were pretrained. It does not ship; the
study `studies/unaligned.yaml` takes it as a folder, beside the embedded encoder, which was taught
that translations mean the same.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import torch
from safetensors.torch import save_file
from scipy.sparse import csr_array, diags_array
from sklearn.utils.extmath import randomized_svd
from tokenizers import Tokenizer
from torch.nn.utils.rnn import pad_sequence
from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedTokenizerFast

from babelift.evaluation.alignment import alignment
from babelift.training.pooling import start_as_mean
from models.data import LANGUAGES, rows_of, training_pairs
from models.masked.memory import keep_freed_memory
from models.masked.texts import one_sided
from models.masked.train import Recipe, learn
from models.masked.vocabulary import LONGEST, SPECIAL, train_tokenizer

PIECES = 20_000
PER_LANGUAGE = 60_000
"""Sentences that the vocabulary is learnt from."""

DIM = 192
LAYERS = 3
DOCUMENTS = 25_000
"""Sentences of each language that the word vectors start from."""


def main() -> None:
    """Run every stage that is not yet in the work folder, write the encoder, and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("build/masked-work"))
    parser.add_argument("--out", type=Path, default=Path("build/masked"))
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    pairs = _pairs(arguments.data, arguments.work)
    tokenizer = _tokenizer(pairs, arguments.work)
    recipe = replace(Recipe(), steps=arguments.steps)
    texts = one_sided(pairs)
    tokens = {
        lang: [
            np.array(encoding.ids[: recipe.longest])
            for encoding in tokenizer.encode_batch_fast(sentences)
        ]
        for lang, sentences in texts.items()
    }
    for lang, sentences in tokens.items():
        print(f"{lang}: {len(sentences):,} sentences, {sum(map(len, sentences)):,} pieces")
    torch.manual_seed(recipe.seed)
    model = fresh(start_vectors(tokens, tokenizer.get_vocab_size()))
    loss = learn(
        model, tokens, recipe, folder=arguments.work,
        mask=tokenizer.token_to_id("[MASK]"), special=len(SPECIAL),
    )  # fmt: skip
    print(f"cross-entropy of masked pieces: {loss:.3f} nats")
    arguments.out.mkdir(parents=True, exist_ok=True)
    save(spread_out(with_mean(model), tokens), tokenizer, arguments.out)
    for lang, share in retrieval(arguments.out, arguments.data).items():
        print(f"SIB-200 validation, {lang} into en: retrieval@1 {share:.2f}")


def _pairs(data: Path, work: Path) -> pl.DataFrame:
    """The training pairs, read once and then kept in the work folder."""
    path = work / "pairs.parquet"
    if not path.is_file():
        training_pairs(data).write_parquet(path)
    return pl.read_parquet(path)


def _tokenizer(pairs: pl.DataFrame, work: Path) -> Tokenizer:
    path = work / "tokenizer.json"
    if not path.is_file():
        train_tokenizer(pairs, PIECES, per_language=PER_LANGUAGE, seed=0).save(str(path))
    return Tokenizer.from_file(str(path))


def save(model: BertModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the folder that `AutoModel` and `AutoTokenizer` open; weights in float16."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=LONGEST,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )
    fast.save_pretrained(folder)
    model.config.architectures = ["BertModel"]
    model.config.dtype = torch.float16
    model.config.save_pretrained(folder)
    state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def start_vectors(
    tokens: Mapping[str, Sequence[np.ndarray]], size: int, *, dim: int = DIM, seed: int = 0
) -> np.ndarray:
    """Word vectors to start from, `(size, dim) float32`, by latent semantic analysis.

    Masked-language modelling alone needs more text than there is here before words that go
    together lie together. The rows of the singular vectors of the pieces by sentences, weighted
    by log-count and inverse document frequency (Deerwester et al. 1990), say so at once. As many
    sentences of each language are taken, none the translation of another, so that languages meet
    only in the pieces they share.

    Args:
        tokens: Language to sentences of piece numbers.
        size: Pieces in the vocabulary.
        dim: Length of a vector.
        seed: Seed of the choice and of the decomposition.

    Returns:
        Vectors of one length; zeros for pieces that do not occur.
    """
    random = np.random.default_rng(seed)
    documents = [
        sentences[number]
        for sentences in tokens.values()
        for number in random.permutation(len(sentences))[:DOCUMENTS]
    ]
    lengths = [len(document) for document in documents]
    counts = csr_array(
        (np.ones(sum(lengths), np.float32),
         (np.concatenate(documents), np.repeat(np.arange(len(documents)), lengths))),
        shape=(size, len(documents)),
    )  # fmt: skip
    counts.sum_duplicates()
    counts.data = np.log1p(counts.data)
    rarity = np.log(len(documents) / np.maximum(np.diff(counts.indptr), 1)).astype(np.float32)
    left, values, _ = randomized_svd(diags_array(rarity) @ counts, dim, random_state=seed)
    rows = left * np.sqrt(values)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return (rows * np.any(left, axis=1, keepdims=True)).astype(np.float32)


def fresh(vectors: np.ndarray, *, layers: int = LAYERS) -> BertForMaskedLM:
    """The encoder before training, with the head that names masked pieces.

    Args:
        vectors: `(pieces, dim) float32`, word vectors of length 1 to start from.
        layers: How many.
    """
    pieces, dim = vectors.shape
    config = BertConfig(
        vocab_size=pieces,
        hidden_size=dim,
        num_hidden_layers=layers,
        num_attention_heads=max(dim // 32, 1),
        intermediate_size=4 * dim,
        max_position_embeddings=LONGEST,
        type_vocab_size=1,
        pad_token_id=0,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForMaskedLM(config)
    model.set_attn_implementation("eager")  # sentences are short: it takes three fifths of the time
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight += 0.5 * torch.from_numpy(vectors)
    return model


def with_mean(model: BertForMaskedLM) -> BertModel:
    """The encoder with one more layer, so that a head reads the mean of the pieces.

    Its first token was never asked for and has learnt nothing. The embedded encoder is read in
    the same way, so that the two differ in what they were taught and in size.
    """
    config = BertConfig.from_dict(model.config.to_dict())
    config.num_hidden_layers += 1
    encoder = BertModel(config, add_pooling_layer=True)
    encoder.load_state_dict(model.bert.state_dict(), strict=False)
    start_as_mean(SimpleNamespace(base_model=encoder, config=config))
    return encoder


def spread_out(
    encoder: BertModel,
    tokens: Mapping[str, Sequence[np.ndarray]],
    *,
    each: int = 1000,
    seed: int = 0,
) -> BertModel:
    """The encoder whose sentence vectors have mean 0 and spread 1 in every dimension.

    What masked-language modelling leaves is nearly the same vector for every sentence (Ethayarajh
    2019), from which a head learns slowly. The scale and shift of the last normalisation, which
    are the same for all languages, take out what all share.

    Args:
        encoder: As `with_mean` gives it; changed in place.
        tokens: Language to sentences of piece numbers.
        each: Sentences of each language that mean and spread are taken over.
        seed: Seed of their choice.
    """
    random = np.random.default_rng(seed)
    sentences = sorted(
        (own[i] for own in tokens.values() for i in random.integers(0, len(own), each)), key=len
    )
    parts = []
    with torch.inference_mode():
        for start in range(0, len(sentences), 200):
            ids = pad_sequence(
                [torch.from_numpy(sentence) for sentence in sentences[start : start + 200]],
                batch_first=True,
            )
            mask = (ids != 0).long()
            parts.append(encoder.eval()(ids, attention_mask=mask).last_hidden_state[:, 0])
    vectors = torch.cat(parts)
    spread, norm = vectors.std(0), encoder.encoder.layer[-1].output.LayerNorm
    with torch.no_grad():
        norm.weight.copy_(1 / spread)
        norm.bias.copy_(-vectors.mean(0) / spread)
    return encoder


def retrieval(folder: Path, data: Path) -> dict[str, float]:
    """Share of SIB-200's validation sentences whose English is the nearest, by language.

    As a head would read them. 99 sentences; chance is .01.
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding(pad_id=0)
    model = BertModel.from_pretrained(folder, dtype=torch.float32).eval()
    vectors = {}
    for lang in ("en", *LANGUAGES):
        rows = sorted(
            rows_of(data / "sib200" / f"{lang}.validation.jsonl.gz"), key=lambda r: r["parallel_id"]
        )
        encodings = tokenizer.encode_batch([row["text"] for row in rows])
        with torch.inference_mode():
            pooled = model(
                input_ids=torch.tensor([e.ids for e in encodings]),
                attention_mask=torch.tensor([e.attention_mask for e in encodings]),
            ).pooler_output
        vectors[lang] = pooled.double().numpy()
    return {lang: alignment(vectors["en"], vectors[lang]).retrieval for lang in LANGUAGES}


if __name__ == "__main__":
    main()
