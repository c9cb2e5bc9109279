"""MADLAD-400, a T5 that is told its target before the source, on CTranslate2."""

from pathlib import Path
from typing import Any

import pytest

from babelift.config import Translating
from babelift.errors import ModelError
from babelift.translation.engines.convert import vocabulary
from babelift.translation.engines.ctranslate2 import CT2Translator, load, load_published
from babelift.translation.engines.model_files import ModelSettings
from tests.support import SENTENCES, tiny_madlad

EXACT = Translating(compute_type="float32")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_madlad(tmp_path_factory.mktemp("madlad"))


@pytest.fixture(scope="module")
def translator(model: Path) -> CT2Translator:
    return load_published(model, EXACT, name="madlad")


def test_it_gives_the_tokens_of_generate(model: Path, translator: CT2Translator) -> None:
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    network: Any = T5ForConditionalGeneration.from_pretrained(model).eval()
    ended, made = 0, set()
    for source, target in (("en", "de"), ("de", "ja"), ("zh", "en")):
        texts = SENTENCES[source]
        batch = tokenizer(
            [f"<2{target}> {text}" for text in texts], return_tensors="pt", padding=True
        )
        rows = network.generate(**batch, num_beams=1, do_sample=False).tolist()
        expected = []
        for row in rows:
            ids = row[1:]
            end = ids.index(2) if 2 in ids else None
            expected.append((tokenizer.convert_ids_to_tokens(ids[:end]), end is None))
            ended += end is not None
        outputs = [tuple(output) for output in translator.generate(texts, source, target)]
        assert outputs == expected
        made |= {tuple(tokens) for tokens, _ in outputs}
    assert ended > 5
    assert len(made) > 15


def test_its_languages_are_those_of_its_tokens(translator: CT2Translator) -> None:
    tags = {tag for pair in translator.pairs() for tag in pair}
    assert tags == {"en", "de", "es", "fr", "ja", "zh", "he"}  # <2iw> is Hebrew


def test_a_code_that_a_user_wrote_stays_text(translator: CT2Translator) -> None:
    (pieces,) = translator._pieces.split(["Into <2ja>!"])
    assert "<2ja>" not in pieces
    assert "2" in pieces or "<unk>" in pieces


def test_it_is_restricted_too(model: Path, translator: CT2Translator) -> None:
    part = load_published(
        model, EXACT.model_copy(update={"output_vocabulary": "target"}), name="madlad"
    )
    texts = SENTENCES["en"]
    assert part.generate(texts, "en", "de") == translator.generate(texts, "en", "de")
    assert len(part.notes) == 1


def test_a_converted_folder_of_another_program_is_known_by_its_tokens(
    translator: CT2Translator, tmp_path: Path
) -> None:
    import shutil

    folder = shutil.copytree(translator._folder, tmp_path / "foreign")
    (folder / "babelift.json").unlink()
    foreign = load(str(folder), Translating())
    assert foreign.pairs() == translator.pairs()
    assert foreign.max_input_tokens == 256  # 512 in and out, where the files do not say
    settings = ModelSettings.read(translator._folder)
    assert settings is not None
    assert (settings.family, settings.output_limit) == ("madlad", 24)


def test_another_t5_is_told_apart(model: Path, tmp_path: Path) -> None:
    import io
    import shutil

    import sentencepiece

    folder = shutil.copytree(model, tmp_path / "t5")
    pieces = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES["en"]), model_writer=pieces, vocab_size=80,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "spiece.model").write_bytes(pieces.getvalue())
    with pytest.raises(ModelError, match="is a T5 model, but not MADLAD-400") as error:
        vocabulary(folder)
    assert "hf:" in str(error.value)
