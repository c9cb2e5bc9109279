"""Small encoders with random weights, in the file forms of those in `training/encoders.toml`.

See `tests.support.models`, whose helpers they share.
"""

import io
import json
import shutil
from pathlib import Path
from typing import Any, Final

from tests.support.models import SIX, _save, _seeded, _sentences, _word_pieces, _write

FAIRSEQ: Final = ("<s>", "<pad>", "</s>", "<unk>")
SHAPE: Final[dict[str, Any]] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "initializer_range": 0.2,
}  # fmt: skip


def tiny_mbert(folder: Path, *, seed: int = 0) -> Path:
    """Write a small BERT in the file form of google-bert/bert-base-multilingual-cased."""
    from transformers import BertConfig, BertForPreTraining

    size = _word_pieces(folder)
    with _seeded(seed):
        model = BertForPreTraining(BertConfig(vocab_size=size, **SHAPE))
    return _save(model, folder)


def tiny_xlm_roberta(folder: Path, *, seed: int = 0, positions: int = 514) -> Path:
    """Write a small XLM-R in the file form of FacebookAI/xlm-roberta-base: a masked language model.

    Args:
        folder: Where to write; made if missing.
        seed: Seed of the weights.
        positions: Rows of its table of positions; two are taken by no token.
    """
    from transformers import XLMRobertaForMaskedLM

    size = _xlm_r_tokenizer(folder, positions - 2)
    with _seeded(seed):
        model = XLMRobertaForMaskedLM(_xlm_r_config(size, positions))
    return _save(model, folder)


def tiny_e5(folder: Path, family: str = "bert", *, seed: int = 0, **pooling: Any) -> Path:
    """Write a small sentence encoder in the file form of intfloat/multilingual-e5.

    Args:
        folder: Where to write; made if missing.
        family: `bert` as e5-small is, which has XLM-R's tokenizer too, or `xlm-roberta`.
        seed: Seed of the weights.
        pooling: What its 1_Pooling/config.json says, where not the mean.
    """
    from transformers import BertConfig, BertModel, XLMRobertaModel

    size = _xlm_r_tokenizer(folder, 512)
    with _seeded(seed):
        model: Any = (
            BertModel(BertConfig(vocab_size=size, max_position_embeddings=512, **SHAPE))
            if family == "bert"
            else XLMRobertaModel(_xlm_r_config(size, 514))
        )
    write_pooling(folder, **(pooling or {"pooling_mode_mean_tokens": True}))
    return _save(model, folder)


def tiny_bge_m3(folder: Path, *, seed: int = 0) -> Path:
    """Write a small sentence encoder in the file form of BAAI/bge-m3: long texts, first token."""
    from transformers import XLMRobertaModel

    size = _xlm_r_tokenizer(folder, 8192)
    with _seeded(seed):
        model = XLMRobertaModel(_xlm_r_config(size, 8194))
    write_pooling(folder, pooling_mode_cls_token=True)
    (folder / "colbert_linear.pt").write_bytes(b"a pickle")
    return _save(model, folder)


def tiny_mmbert(folder: Path, *, seed: int = 0) -> Path:
    """Write a small ModernBERT in the file form of jhu-clsp/mmBERT-small, with Gemma's tokenizer.

    Its config.json has the names of the release that wrote it, and no `layer_types`.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from tokenizers.trainers import BpeTrainer
    from transformers import ModernBertConfig, ModernBertForMaskedLM, PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    pieces = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    pieces.normalizer = normalizers.Replace(" ", "▁")
    pieces.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    pieces.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    bytes_ = [f"<0x{number:02X}>" for number in range(256)]
    trainer = BpeTrainer(
        vocab_size=900, special_tokens=special, initial_alphabet=[], show_progress=False
    )
    pieces.train_from_iterator(_sentences(SIX), trainer)
    state = json.loads(pieces.to_str())
    for byte in bytes_:
        state["model"]["vocab"].setdefault(byte, len(state["model"]["vocab"]))
    pieces = Tokenizer.from_str(json.dumps(state))
    pieces.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>",
        pair="<bos> $A <eos> $B <eos>",
        special_tokens=[("<bos>", 2), ("<eos>", 1)],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pieces, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>",
        unk_token="<unk>", mask_token="<mask>", cls_token="<bos>", sep_token="<eos>",
        model_max_length=8192, padding_side="right",
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    with _seeded(seed):
        config = ModernBertConfig(
            vocab_size=len(tokenizer), max_position_embeddings=8192, local_attention=128,
            classifier_pooling="mean", pad_token_id=0, eos_token_id=1, bos_token_id=2,
            cls_token_id=1, sep_token_id=1, **SHAPE,
        )  # fmt: skip
        model = ModernBertForMaskedLM(config)
    _save(model, folder)
    values = json.loads((folder / "config.json").read_text())
    for name in ("layer_types", "rope_parameters"):
        values.pop(name)
    values |= {
        "global_attn_every_n_layers": 3, "global_rope_theta": 160000, "local_rope_theta": 160000,
        "reference_compile": True, "position_embedding_type": "sans_pos",
    }  # fmt: skip
    _write(folder / "config.json", values)
    return folder


def tiny_mdeberta(folder: Path, *, seed: int = 0) -> Path:
    """Write a small DeBERTa in the file form of microsoft/mdeberta-v3-base.

    Its tokenizer is a SentencePiece file alone, its weights are stored in float16, beside those of
    heads that no class of transformers has.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import DebertaV2Config, DebertaV2Model

    size = len(_unigram(folder / "spm.model", ("[PAD]", "[CLS]", "[SEP]", "[UNK]")))
    _write(folder / "tokenizer_config.json", {"do_lower_case": False, "vocab_type": "spm"})
    with _seeded(seed):
        config = DebertaV2Config(
            vocab_size=size + 100, type_vocab_size=0, max_position_embeddings=512,
            relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm",
            share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False,
            max_relative_positions=-1, layer_norm_eps=1e-7, pooler_hidden_size=32,
            pooler_dropout=0, pooler_hidden_act="gelu", **SHAPE,
        )  # fmt: skip
        weights = DebertaV2Model(config).state_dict()
    named = {f"deberta.{name}": value.to(torch.float16) for name, value in weights.items()}
    named["mask_predictions.dense.weight"] = torch.zeros(32, 32)
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
    values = config.to_dict()
    del values["dtype"], values["architectures"], values["transformers_version"]
    _write(folder / "config.json", values)
    return folder


def pickled(folder: Path, to: Path) -> Path:
    """The same repository as its owner left it: with a pickle in place of the safetensors file."""
    shutil.copytree(folder, to)
    (to / "model.safetensors").rename(to / "pytorch_model.bin")
    return to


def write_pooling(folder: Path, **modes: Any) -> None:
    """Write what makes a folder a sentence encoder's: modules.json and 1_Pooling/config.json."""
    names = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    values = {"word_embedding_dimension": 32, **{f"pooling_mode_{name}": False for name in names}}
    _write(folder / "1_Pooling" / "config.json", values | modes)
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    modules: Any = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(kinds)
    ]
    _write(folder / "modules.json", modules)


def _xlm_r_config(size: int, positions: int) -> Any:
    from transformers import XLMRobertaConfig

    return XLMRobertaConfig(
        vocab_size=size, max_position_embeddings=positions, type_vocab_size=1, pad_token_id=1,
        bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5, **SHAPE,
    )  # fmt: skip


def _xlm_r_tokenizer(folder: Path, longest: int) -> int:
    """Write XLM-R's tokenizer, trained on the built-in sentences; gives its number of tokens."""
    from transformers import XLMRobertaTokenizer

    scored = _unigram(folder / "sentencepiece.bpe.model", ("<unk>", "<s>", "</s>"))
    vocabulary = [(piece, 0.0) for piece in FAIRSEQ] + scored[3:] + [("<mask>", 0.0)]
    tokenizer = XLMRobertaTokenizer(vocab=vocabulary, model_max_length=longest)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _unigram(path: Path, special: tuple[str, ...]) -> list[tuple[str, float]]:
    """Train a Unigram model of SentencePiece, write it and give its pieces with their scores."""
    import sentencepiece

    path.parent.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    options: dict[str, Any] = {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1}
    if special[0] == "[PAD]":  # DeBERTa's order
        options = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
        options |= dict(
            zip(("pad_piece", "bos_piece", "eos_piece", "unk_piece"), special, strict=True)
        )
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_sentences(SIX)), model_writer=model, model_type="unigram",
        vocab_size=500, hard_vocab_limit=False, character_coverage=1.0, num_threads=1,
        minloglevel=2, **options,
    )  # fmt: skip
    path.write_bytes(model.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [(pieces.id_to_piece(n), pieces.get_score(n)) for n in range(pieces.get_piece_size())]
