"""Small models with random weights, in the real architectures and the published file forms.

They answer in a fraction of a second and say nothing sensible: for testing code that loads,
converts, fetches or trains models, without a download.
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from babelift.languages import LANGUAGES, get
from tests.support.text import SENTENCES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SIX: Final = ("en", "de", "es", "fr", "ja", "zh")
_SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>")
_SHAPE: Final[dict[str, Any]] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "scale_embedding": True,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
}


def tiny_m2m100(
    folder: Path,
    languages: Sequence[str] = SIX,
    *,
    seed: int = 0,
    max_length: int = 24,
    max_source: int = 64,
) -> Path:
    """Write a small M2M100 in the file form of facebook/m2m100_418M.

    Args:
        folder: Where to write; made if missing.
        languages: Languages whose built-in sentences the vocabulary is trained on. The model has
            the tokens of all hundred languages, as published.
        seed: Seed of the weights.
        max_length: Longest output in tokens, as generation_config.json counts it.
        max_source: Longest source in tokens.

    Returns:
        The folder.
    """
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    codes = [f"__{item.m2m100}__" for item in LANGUAGES.values() if item.m2m100]
    vocabulary = _sentencepiece(_sentences(languages), folder / "sentencepiece.bpe.model")
    vocabulary = [*_SPECIAL, *(piece for piece in vocabulary if piece not in _SPECIAL)]
    _write(folder / "vocab.json", {piece: number for number, piece in enumerate(vocabulary)})
    special = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "additional_special_tokens": codes,
    }
    _write(folder / "special_tokens_map.json", special)
    tokenizer = {
        **special,
        "src_lang": None,
        "tgt_lang": None,
        "language_codes": "m2m100",
        "num_madeup_words": 8,
        "model_max_length": max_source,
        "tokenizer_class": "M2M100Tokenizer",
    }
    _write(folder / "tokenizer_config.json", tokenizer)
    with _seeded(seed):
        config = M2M100Config(
            vocab_size=len(vocabulary) + len(codes) + 8,
            max_position_embeddings=max_source,
            **_SHAPE,
        )
        model = M2M100ForConditionalGeneration(config)
        _liven(model, end=2, fillers=8)
    return _save(
        model, folder, bos_token_id=0, decoder_start_token_id=2, eos_token_id=2, pad_token_id=1,
        max_length=max_length, num_beams=5, early_stopping=True,
    )  # fmt: skip


def tiny_nllb(folder: Path, *, seed: int = 0, max_length: int = 24, max_source: int = 64) -> Path:
    """Write a small NLLB in the file form of facebook/nllb-200-distilled-600M.

    Args:
        folder: Where to write; made if missing.
        seed: Seed of the weights.
        max_length: Longest output in tokens, as generation_config.json counts it.
        max_source: Longest source in tokens.

    Returns:
        The folder.
    """
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, merges = _byte_pairs(_sentences(SIX))
    tokenizer = NllbTokenizer(vocab=vocabulary, merges=merges, model_max_length=max_source)
    tokenizer.save_pretrained(folder)
    with _seeded(seed):
        config = M2M100Config(
            vocab_size=len(tokenizer) + 2, max_position_embeddings=max_source, **_SHAPE
        )
        model = M2M100ForConditionalGeneration(config)
        _liven(model, end=2, fillers=2)
    return _save(
        model, folder, bos_token_id=0, decoder_start_token_id=2, eos_token_id=2, pad_token_id=1,
        max_length=max_length,
    )  # fmt: skip


def tiny_marian(
    folder: Path,
    source: str,
    target: str,
    *,
    seed: int = 0,
    max_length: int = 24,
    max_source: int = 64,
    target_codes: Sequence[str] = (),
) -> Path:
    """Write a small Marian model in the file form of Helsinki-NLP/opus-mt-*.

    Args:
        folder: Where to write; made if missing.
        source: Source language's tag.
        target: Target language's tag.
        seed: Seed of the weights.
        max_length: Longest output in tokens, as generation_config.json counts it.
        max_source: Longest source in tokens.
        target_codes: Tokens such as `>>cmn_Hans<<` of a model with several targets.

    Returns:
        The folder.
    """
    from transformers import MarianConfig, MarianMTModel

    folder.mkdir(parents=True, exist_ok=True)
    pieces = _sentencepiece(_sentences([source]), folder / "source.spm")
    pieces += _sentencepiece(_sentences([target]), folder / "target.spm")
    own = dict.fromkeys([*target_codes, *pieces])
    vocabulary = ["</s>", "<unk>", *(piece for piece in own if piece not in _SPECIAL), "<pad>"]
    _write(folder / "vocab.json", {piece: number for number, piece in enumerate(vocabulary)})
    tokenizer = {
        "source_lang": get(source).iso3 if target_codes else source,
        "target_lang": get(target).iso3 if target_codes else target,
        "model_max_length": max_source,
        "tokenizer_class": "MarianTokenizer",
    }
    _write(folder / "tokenizer_config.json", tokenizer)
    pad = len(vocabulary) - 1
    with _seeded(seed):
        config = MarianConfig(
            vocab_size=len(vocabulary),
            max_position_embeddings=max_source,
            pad_token_id=pad,
            eos_token_id=0,
            decoder_start_token_id=pad,
            activation_function="swish",
            **_SHAPE,
        )
        model = MarianMTModel(config)
        _liven(model, end=0, pad=pad)
    return _save(
        model, folder, bos_token_id=0, decoder_start_token_id=pad, eos_token_id=0,
        forced_eos_token_id=0, pad_token_id=pad, bad_words_ids=[[pad]], max_length=max_length,
        num_beams=4, renormalize_logits=True,
    )  # fmt: skip


def tiny_madlad(folder: Path, *, seed: int = 0, max_length: int = 24) -> Path:
    """Write a small T5 in the file form of google/madlad400-3b-mt.

    Args:
        folder: Where to write; made if missing.
        seed: Seed of the weights.
        max_length: Longest output in tokens, as generation_config.json counts it.

    Returns:
        The folder.
    """
    import sentencepiece
    import torch
    from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_sentences(SIX)), model_writer=model, model_type="unigram",
        vocab_size=700, hard_vocab_limit=False, character_coverage=1.0, num_threads=1,
        user_defined_symbols=[f"<2{tag}>" for tag in (*SIX, "iw")], minloglevel=2,
    )  # fmt: skip
    (folder / "spiece.model").write_bytes(model.getvalue())
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<s>", "unk_token": "<unk>"}
    _write(
        folder / "tokenizer_config.json",
        {**names, "tokenizer_class": "T5Tokenizer", "extra_ids": 0},
    )
    size = len(AutoTokenizer.from_pretrained(folder))  # type: ignore[no-untyped-call]
    with _seeded(seed):
        config = T5Config(
            vocab_size=size, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
            feed_forward_proj="gated-gelu", tie_word_embeddings=False, pad_token_id=1,
            eos_token_id=2, decoder_start_token_id=0, dropout_rate=0.0,
        )  # fmt: skip
        network: Any = T5ForConditionalGeneration(config)
        with torch.no_grad():
            for name, weights in network.named_parameters():
                if weights.dim() == 2 and "relative" not in name:
                    weights.normal_(std=(3 if "lm_head" in name else 1) / weights.shape[1] ** 0.5)
            network.lm_head.weight[2] *= 4
    return _save(
        network, folder, decoder_start_token_id=0, eos_token_id=2, pad_token_id=1,
        max_length=max_length,
    )  # fmt: skip


def tiny_hunyuan(folder: Path, *, seed: int = 0) -> Path:
    """Write a small chat model in the file form of tencent/HY-MT1.5-1.8B.

    Args:
        folder: Where to write; made if missing.
        seed: Seed of the weights.

    Returns:
        The folder, with its chat template in a file of its own.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        HunYuanDenseV1Config,
        HunYuanDenseV1ForCausalLM,
        PreTrainedTokenizerFast,
    )

    marks = ["<|pad|>", "<|start|>", "<|end|>", "<|user|>", "<|assistant|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=marks, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(_sentences(SIX), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|start|>", eos_token="<|end|>",
        pad_token="<|pad|>", additional_special_tokens=marks[3:],
    )  # fmt: skip
    fast.chat_template = (
        "<|start|>{% for message in messages %}<|user|>{{ message['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    fast.save_pretrained(folder)
    with _seeded(seed):
        config = HunYuanDenseV1Config(
            vocab_size=len(fast), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, head_dim=8, pad_token_id=0,
            bos_token_id=1, eos_token_id=2, initializer_range=0.4,
        )  # fmt: skip
        network = HunYuanDenseV1ForCausalLM(config)
    return _save(
        network, folder, do_sample=True, top_k=20, top_p=0.6, temperature=0.7,
        repetition_penalty=1.05, eos_token_id=[2], pad_token_id=0,
    )  # fmt: skip


def tiny_distilbert(folder: Path, *, seed: int = 0) -> Path:
    """Write a small DistilBERT in the file form of distilbert-base-multilingual-cased.

    Args:
        folder: Where to write; made if missing.
        seed: Seed of the weights.

    Returns:
        The folder.
    """
    from transformers import DistilBertConfig, DistilBertForMaskedLM

    size = _word_pieces(folder)
    with _seeded(seed):
        config = DistilBertConfig(
            vocab_size=size, dim=32, hidden_dim=64, n_layers=2, n_heads=4,
            max_position_embeddings=512,
        )  # fmt: skip
        model = DistilBertForMaskedLM(config)
    return _save(model, folder)


def tiny_mini(folder: Path, *, seed: int = 0) -> Path:
    """Write a small BERT in the file form of the embedded encoder `mini`.

    Its weights are stored in bfloat16, and it has no pooler.

    Args:
        folder: Where to write; made if missing.
        seed: Seed of the weights.

    Returns:
        The folder.
    """
    import torch
    from transformers import BertConfig, BertModel

    size = _word_pieces(folder)
    with _seeded(seed):
        config = BertConfig(
            vocab_size=size, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=128, initializer_range=0.2,
        )  # fmt: skip
        model: Any = BertModel(config, add_pooling_layer=False)
    return _save(model.to(torch.bfloat16), folder)


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


def _word_pieces(folder: Path) -> int:
    """Write BERT's tokenizer, trained on the built-in sentences; gives its number of tokens."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    pieces = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    pieces.train_from_iterator(
        _sentences(SIX), vocab_size=700, min_frequency=1, show_progress=False
    )
    pieces.save_model(str(folder))
    tokenizer = BertTokenizer(
        vocab=str(folder / "vocab.txt"), do_lower_case=False, model_max_length=512
    )
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _sentences(languages: Iterable[str]) -> list[str]:
    return [sentence for tag in languages for sentence in SENTENCES.get(tag, SENTENCES["en"])]


def _sentencepiece(sentences: Sequence[str], path: Path) -> list[str]:
    """Train a SentencePiece model, write it to `path` and give its pieces."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="bpe",
        vocab_size=400,
        hard_vocab_limit=False,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    path.write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [processor.id_to_piece(number) for number in range(processor.get_piece_size())]


def _byte_pairs(sentences: Sequence[str]) -> tuple[dict[str, int], Any]:
    """Vocabulary and merges of a byte-pair model over Metaspace words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=list(_SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(sentences, trainer)
    state = json.loads(tokenizer.to_str())["model"]
    return state["vocab"], [tuple(pair) for pair in state["merges"]]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from `seed`, leaving the caller's own untouched."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _liven(model: "PreTrainedModel", *, end: int, pad: int | None = None, fillers: int = 0) -> None:
    """Make random weights answer with varied tokens and, now and then, an end.

    With the usual small initial weights and shared embeddings a decoder repeats its last token
    for ever, which would leave most of a translator's code untried.
    """
    import torch

    shared: Any = model.get_input_embeddings()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "fc" in name and weights.dim() == 2:
                weights.normal_(std=8 / weights.shape[1] ** 0.5)
            elif "proj" in name and weights.dim() == 2:
                weights.normal_(std=1 / weights.shape[1] ** 0.5)
        shared.weight.normal_(std=1 / shared.weight.shape[1] ** 0.5)
        shared.weight[shared.weight.shape[0] - fillers :] = 0
        if pad is None:
            shared.weight[end] *= 3
        else:
            shared.weight[pad] = 0
            bias: Any = model.final_logits_bias
            bias.normal_(std=0.3)
            bias[:, end] = 2.5


def _save(model: "PreTrainedModel", folder: Path, **generation: Any) -> Path:
    from transformers import GenerationConfig

    from babelift.hub import without_progress_bars

    anything: Any = model
    if generation:
        anything.generation_config = GenerationConfig(**generation)  # type: ignore[no-untyped-call]
    with without_progress_bars():
        anything.eval().save_pretrained(folder)
    return folder


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
