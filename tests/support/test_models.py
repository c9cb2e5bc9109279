"""The small models are real: transformers opens them from their files."""

from pathlib import Path

import pytest

from tests.support import tiny_distilbert, tiny_m2m100, tiny_marian, tiny_nllb


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_m2m100_has_the_published_files_and_a_hundred_languages(tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = tiny_m2m100(tmp_path / "a" / "model", languages=("en", "ja"))
    assert names(folder) == {
        "config.json", "generation_config.json", "model.safetensors", "sentencepiece.bpe.model",
        "special_tokens_map.json", "tokenizer_config.json", "vocab.json",
    }  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    assert type(tokenizer).__name__ == "M2M100Tokenizer"
    assert type(model).__name__ == "M2M100ForConditionalGeneration"
    assert len(tokenizer.lang_code_to_id) == 100
    assert model.config.vocab_size == max(tokenizer.lang_code_to_id.values()) + 1 + 8


def test_marian_has_the_published_files(tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = tiny_marian(tmp_path, "en", "de")
    assert {"source.spm", "target.spm", "vocab.json", "tokenizer_config.json"} <= names(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    assert type(model).__name__ == "MarianMTModel"
    assert tokenizer.pad_token_id == model.config.decoder_start_token_id == len(tokenizer) - 1


def test_nllb_names_languages_by_script(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_nllb(tmp_path))
    assert type(tokenizer).__name__ == "NllbTokenizer"
    assert tokenizer.convert_tokens_to_ids("deu_Latn") != tokenizer.unk_token_id


def test_distilbert_is_cased_and_multilingual(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = tiny_distilbert(tmp_path)
    assert {"vocab.txt", "tokenizer.json", "config.json", "model.safetensors"} <= names(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.tokenize("Der Akku") != tokenizer.tokenize("der akku")
    assert tokenizer.unk_token not in tokenizer.tokenize("電池は二日もち")
    assert tokenizer.model_max_length == 512
    assert type(AutoModel.from_pretrained(folder)).__name__ == "DistilBertModel"


@pytest.mark.parametrize("build", [tiny_m2m100, tiny_distilbert])
def test_a_seed_decides_the_weights_and_nothing_else_moves(build: object, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    folders = [
        build(tmp_path / str(number), seed=seed)  # type: ignore[operator]
        for number, seed in enumerate((0, 0, 1))
    ]
    assert torch.equal(before, torch.random.get_rng_state())
    same, again, other = ((folder / "model.safetensors").read_bytes() for folder in folders)
    assert same == again != other
