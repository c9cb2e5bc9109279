"""Transformers' own generate behind the same interface, for several conventions."""

from itertools import permutations
from pathlib import Path

import pytest

from babelift.config import Translating
from babelift.errors import LanguageError, ModelError
from babelift.translation.engines import transformers as hf
from babelift.translation.engines.ctranslate2 import load_published
from babelift.translation.engines.transformers import Convention, convention, load
from tests.support import SENTENCES, tiny_distilbert, tiny_m2m100, tiny_marian, tiny_nllb

EXACT = Translating(compute_type="float32")
SIX = ("en", "de", "es", "fr", "ja", "zh")


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_m2m100(tmp_path_factory.mktemp("m2m100"))


@pytest.mark.parametrize("build", [tiny_m2m100, tiny_nllb])
def test_it_agrees_with_ctranslate2(build: object, tmp_path: Path) -> None:
    folder = build(tmp_path / "model")  # type: ignore[operator]
    slow, fast = load(str(folder), EXACT), load_published(folder, EXACT, name="tiny")
    for source, target in list(permutations(SIX, 2))[::4]:
        texts = [*SENTENCES[source], "", " ".join(SENTENCES[source])]
        assert list(slow.translate(texts, source, target)) == list(
            fast.translate(texts, source, target)
        )


def test_marian_agrees_with_ctranslate2(tmp_path: Path) -> None:
    for target, codes in (("de", ()), ("zh", [">>cmn_Hans<<", ">>yue_Hant<<"])):
        folder = tiny_marian(tmp_path / target, "en", target, target_codes=codes, seed=5)
        slow, fast = load(str(folder), EXACT), load_published(folder, EXACT, name="tiny")
        assert slow.pairs() == {("en", target)}
        texts = [*SENTENCES["en"], " ".join(SENTENCES["en"])]
        assert list(slow.translate(texts, "en", target)) == list(
            fast.translate(texts, "en", target)
        )


def test_languages_in_a_row_do_not_leak(m2m100: Path) -> None:
    translator = load(str(m2m100), EXACT)
    german, japanese, again = (
        list(translator.translate(SENTENCES["en"], "en", target)) for target in ("de", "ja", "de")
    )
    assert german == again
    assert german != japanese


def test_order_is_kept_over_batches(m2m100: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf, "_BATCH_TOKENS", 30)
    translator = load(str(m2m100), EXACT)
    texts = [text[:length] for text in SENTENCES["fr"] for length in (4, 50, 15)]
    assert list(translator.translate(texts, "fr", "en")) == [
        next(translator.translate([text], "fr", "en")) for text in texts
    ]


def test_a_beam_changes_the_fingerprint_and_runs(m2m100: Path) -> None:
    greedy, wide = load(str(m2m100), EXACT), load(str(m2m100), Translating(beam_size=3))
    assert greedy.fingerprint != wide.fingerprint
    assert len(list(wide.translate(["Yes.", ""], "en", "de"))) == 2
    wide.close()
    wide.close()


def test_unknown_pairs_and_models_are_refused(m2m100: Path, tmp_path: Path) -> None:
    with pytest.raises(LanguageError, match="into 'eu'"):
        list(load(str(m2m100), EXACT).translate(["Yes."], "en", "eu"))
    with pytest.raises(ModelError, match="cannot be opened"):
        load(str(tiny_distilbert(tmp_path / "encoder")), EXACT)
    mute = tiny_marian(tmp_path / "mute", "en", "de")
    (mute / "tokenizer_config.json").write_text('{"tokenizer_class": "MarianTokenizer"}')
    with pytest.raises(ModelError, match="how its model names languages"):
        load(str(mute), EXACT)


def test_conventions_are_read_from_the_vocabulary() -> None:
    mbart = convention(frozenset(["en_XX", "de_DE", "ja_XX", "a"]), {})
    assert mbart == Convention({"de": "de_DE", "en": "en_XX", "ja": "ja_XX"}, "forced")
    madlad = convention(frozenset(["<2de>", "<2en>"]), {})
    assert madlad == Convention({"de": "<2de>", "en": "<2en>"}, "before")
    pair = {"source_lang": "eng", "target_lang": "deu"}
    assert convention(frozenset(["a"]), pair) == Convention({}, "before", ("en", "de"))
    assert convention(frozenset(["a"]), {}) is None


def test_a_model_told_its_target_before_the_source_gets_it_there(tmp_path: Path) -> None:
    """MADLAD-400's form: a T5 model and `<2de>` as the source's first token."""
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

    codes = [f"<2{tag}>" for tag in SIX]
    letters = sorted({letter for tag in SIX for text in SENTENCES[tag] for letter in text} - {" "})
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), *((code, 0.0) for code in codes)]
    pieces += [("▁", -2.0), *((letter, -5.0) for letter in letters)]
    folder = tmp_path / "model"
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0)
    tokenizer.save_pretrained(folder)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=4, d_ff=32, num_layers=1, num_heads=4,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(folder)
    translator = load(str(folder), EXACT)
    assert ("de", "zh") in translator.pairs()
    ids, _ = translator._encode(["Yes, at half the price."], "en", "de")
    first = translator._tokenizer.convert_ids_to_tokens(ids[0])
    assert first[0] == "<2de>"
    assert first[-1] == "</s>"
    assert len(list(translator.translate(SENTENCES["en"], "en", "de"))) == len(SENTENCES["en"])
