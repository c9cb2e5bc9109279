"""CTranslate2 gives what transformers gives; it is fed ahead, in smaller steps without memory."""

import itertools
import json
import os
import random
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from babelift.config import Translating
from babelift.errors import ConfigError, LanguageError, ModelError, TranslationError
from babelift.languages import get
from babelift.progress import quiet
from babelift.translation import protocol, segments
from babelift.translation.engines import ctranslate2 as ct2
from babelift.translation.engines.ctranslate2 import (
    AHEAD,
    STEP_TOKENS,
    CT2Translator,
    Engine,
    load,
    load_published,
)
from babelift.translation.engines.model_files import ModelSettings
from babelift.translation.memory import Memory
from babelift.translation.segments import Lane, Tally, translate_texts
from tests.support import SENTENCES, tiny_m2m100, tiny_marian, tiny_nllb

SIX = ("en", "de", "es", "fr", "ja", "zh")
PAIRS = tuple(itertools.permutations(SIX, 2))
EXACT = Translating(compute_type="float32")
END = 2

Expected = list[tuple[list[str], bool]]


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_m2m100(tmp_path_factory.mktemp("m2m100"))


@pytest.fixture(scope="module")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_nllb(tmp_path_factory.mktemp("nllb"))


def open_exact(folder: Path, **options: Any) -> CT2Translator:
    return load_published(folder, EXACT, name="tiny", **options)


def reference(folder: Path, **options: Any) -> tuple[Any, Callable[..., list[list[int]]]]:
    """The model's transformers tokenizer, and a function that generates greedily with it."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()

    def generate(texts: Sequence[str], **more: Any) -> list[list[int]]:
        batch = tokenizer(list(texts), return_tensors="pt", padding=True, truncation=True)
        found: list[list[int]] = model.generate(
            **batch, num_beams=1, do_sample=False, early_stopping=None, **options, **more
        ).tolist()
        return found

    return tokenizer, generate


def until_end(ids: list[int]) -> tuple[list[int], bool]:
    """The ids after start and language, and whether they ran into the limit."""
    content = ids[2:]
    return (content[: content.index(END)], False) if END in content else (content, True)


def ours(translator: CT2Translator, source: str, target: str) -> Expected:
    return [tuple(output) for output in translator.generate(SENTENCES[source], source, target)]


@pytest.mark.parametrize("form", ["published", "saved by transformers 5"])
def test_m2m100_gives_the_tokens_of_generate_for_all_thirty_pairs(
    m2m100: Path, tmp_path: Path, form: str
) -> None:
    from transformers import M2M100Tokenizer

    folder = m2m100
    if form != "published":
        folder = shutil.copytree(m2m100, tmp_path / "model")
        for name in ("tokenizer_config.json", "special_tokens_map.json"):
            (folder / name).unlink()
        fresh = M2M100Tokenizer(
            str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"), model_max_length=64
        )
        fresh.save_pretrained(folder)
        assert "__de__" not in (folder / "tokenizer_config.json").read_text()
    tokenizer, generate = reference(folder)
    translator = open_exact(folder)
    ended = 0
    for source, target in PAIRS:
        tokenizer.src_lang = source
        rows = generate(SENTENCES[source], forced_bos_token_id=tokenizer.get_lang_id(target))
        expected = [until_end(row) for row in rows]
        ended += sum(not cut for _, cut in expected)
        assert ours(translator, source, target) == [
            ([tokenizer._convert_id_to_token(number) for number in ids], cut)
            for ids, cut in expected
        ]
        if form == "published":
            texts = [text for text, _ in translator.translate(SENTENCES[source], source, target)]
            assert texts == tokenizer.batch_decode(rows, skip_special_tokens=True)
    assert ended > 30


def test_nllb_gives_the_tokens_and_texts_of_generate_for_all_thirty_pairs(nllb: Path) -> None:
    tokenizer, generate = reference(nllb)
    translator = open_exact(nllb)
    for source, target in PAIRS:
        tokenizer.src_lang = get(source).nllb
        first = tokenizer.convert_tokens_to_ids(get(target).nllb)
        rows = generate(SENTENCES[source], forced_bos_token_id=first)
        expected = [until_end(row) for row in rows]
        assert ours(translator, source, target) == [
            (tokenizer.convert_ids_to_tokens(ids), cut) for ids, cut in expected
        ]
        texts = [text for text, _ in translator.translate(SENTENCES[source], source, target)]
        decoded = tokenizer.batch_decode(rows, skip_special_tokens=True)
        assert texts == [text.strip() for text in decoded]


def test_marian_gives_the_tokens_and_texts_of_generate_for_all_thirty_pairs(
    tmp_path: Path,
) -> None:
    for seed, (source, target) in enumerate(PAIRS):
        folder = tiny_marian(tmp_path / f"{source}-{target}", source, target, seed=seed)
        tokenizer, generate = reference(folder)
        rows = generate(SENTENCES[source])
        content = [row[1 : row.index(0)] for row in rows]
        translator = open_exact(folder)
        assert translator.pairs() == {(source, target)}
        assert ours(translator, source, target) == [
            # The start and a forced end leave 22 of 24 tokens.
            ([tokenizer.decoder[number] for number in ids], len(ids) == 22)
            for ids in content
        ]
        texts = [text for text, _ in translator.translate(SENTENCES[source], source, target)]
        assert texts == tokenizer.batch_decode(rows, skip_special_tokens=True)


def test_a_marian_model_with_several_targets_is_told_which(tmp_path: Path) -> None:
    codes = [">>cmn_Hans<<", ">>yue_Hant<<"]
    folder = tiny_marian(tmp_path / "m", "en", "zh", target_codes=codes)
    tokenizer, generate = reference(folder)
    translator = open_exact(folder)
    rows = generate([f">>cmn_Hans<< {text}" for text in SENTENCES["en"]])
    content = [row[1 : row.index(0)] for row in rows]
    found = [output.tokens for output in translator.generate(SENTENCES["en"], "en", "zh")]
    assert found == [[tokenizer.decoder[number] for number in ids] for ids in content]


def test_decoding_rules_of_the_model_itself_are_kept(m2m100: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(m2m100, tmp_path / "model")
    settings = json.loads((folder / "generation_config.json").read_text())
    tokenizer, _ = reference(folder)
    banned = tokenizer.encoder["品"]
    rules = {"no_repeat_ngram_size": 2, "bad_words_ids": [[banned], [1]], "max_length": 15}
    (folder / "generation_config.json").write_text(json.dumps({**settings, **rules}))
    tokenizer, generate = reference(folder)
    translator = open_exact(folder)
    tokenizer.src_lang = "en"
    rows = generate(SENTENCES["en"], forced_bos_token_id=tokenizer.get_lang_id("de"))
    expected = [until_end(row) for row in rows]
    assert all(banned not in ids for ids, _ in expected)
    assert ours(translator, "en", "de") == [
        ([tokenizer._convert_id_to_token(number) for number in ids], cut) for ids, cut in expected
    ]


def test_characters_the_vocabulary_lacks_are_unknown_to_both(m2m100: Path, nllb: Path) -> None:
    texts = ["Good 🙂 жж ok", "ضضض", "💾💾 two"]
    for folder, name in ((m2m100, "en"), (nllb, "eng_Latn")):
        tokenizer, generate = reference(folder)
        tokenizer.src_lang = name
        target = tokenizer.convert_tokens_to_ids("__de__" if name == "en" else "deu_Latn")
        expected = [until_end(row)[0] for row in generate(texts, forced_bos_token_id=target)]
        found = open_exact(folder).generate(texts, "en", "de")
        assert [output.tokens for output in found] == [
            tokenizer.convert_ids_to_tokens(ids) for ids in expected
        ]


def test_languages_in_a_row_do_not_leak_into_each_other(m2m100: Path) -> None:
    translator = open_exact(m2m100)
    alone = {target: ours(open_exact(m2m100), "en", target) for target in ("de", "ja")}
    in_a_row = [ours(translator, "en", target) for target in ("de", "ja", "de", "ja")]
    assert in_a_row == [alone["de"], alone["ja"], alone["de"], alone["ja"]]
    assert alone["de"] != alone["ja"]
    ours(translator, "zh", "de")
    assert ours(translator, "en", "de") == alone["de"]


def test_results_come_in_the_order_of_the_texts_whatever_their_lengths(
    m2m100: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_AT_A_TIME", 7)
    monkeypatch.setattr(ct2, "STEP_TOKENS", 40)
    translator = open_exact(m2m100)
    texts = [sentence[:length] for sentence in SENTENCES["de"] for length in (3, 40, 9)]
    random.Random(5).shuffle(texts)
    one_by_one = [next(translator.translate([text], "de", "fr")) for text in texts]
    assert list(translator.translate(texts, "de", "fr")) == one_by_one


def test_a_source_over_the_models_limit_is_cut_and_counted(m2m100: Path) -> None:
    translator = open_exact(m2m100)
    long = " ".join(SENTENCES["en"])
    tokenizer, generate = reference(m2m100)
    tokenizer.src_lang = "en"
    [row] = generate([long], forced_bos_token_id=tokenizer.get_lang_id("de"))
    [output] = translator.generate([long], "en", "de")
    assert output.truncated
    assert output.tokens == [tokenizer._convert_id_to_token(n) for n in until_end(row)[0]]


def test_an_output_that_ends_at_once_is_empty_and_not_truncated(
    m2m100: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(m2m100, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    # Make the last layer's output point at the end token whatever the input.
    weights["model.decoder.layer_norm.weight"].zero_()
    weights["model.decoder.layer_norm.bias"].copy_(weights["model.shared.weight"][END])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert list(open_exact(folder).translate(["Hello.", "Yes."], "en", "de")) == [
        ("", False),
        ("", False),
    ]


def test_what_looks_like_a_special_token_is_text(m2m100: Path, nllb: Path, tmp_path: Path) -> None:
    marian = tiny_marian(tmp_path / "m", "en", "de", target_codes=[">>deu<<"])
    for folder in (m2m100, nllb, marian):
        pieces = open_exact(folder)._pieces
        [split] = pieces.split([">>deu<< a </s> __de__ <pad> deu_Latn b"])
        assert not set(split) & {"</s>", "__de__", "<pad>", "deu_Latn", ">>deu<<"}


@pytest.mark.parametrize(
    "text", ["", "   ", "\n\t", "\0", "\ud800 lone", "a\u202eb", "x" * 100_000, "🙂" * 50]
)
def test_no_text_is_too_odd(m2m100: Path, text: str) -> None:
    translator = open_exact(m2m100)
    odd, plain = translator.translate([text, "Yes."], "en", "de")
    assert isinstance(odd.text, str)
    assert plain == next(translator.translate(["Yes."], "en", "de"))
    if not text.strip():
        assert odd == ("", False)


def test_a_pair_the_model_lacks_is_refused_by_name(m2m100: Path) -> None:
    translator = open_exact(m2m100)
    with pytest.raises(LanguageError, match="from 'en' into 'eu'"):
        list(translator.translate(["Yes."], "en", "eu"))
    with pytest.raises(LanguageError, match="from 'en' into 'en'"):
        list(translator.translate(["Yes."], "en", "en"))
    assert len(translator.pairs() or ()) == 100 * 99


def test_the_fingerprint_tells_everything_that_changes_the_output(
    m2m100: Path, tmp_path: Path
) -> None:
    other = tiny_m2m100(tmp_path / "other", seed=1)
    longer = tiny_m2m100(tmp_path / "longer", max_length=30)
    prints = [
        load_published(folder, config, name="tiny").fingerprint
        for folder, config in (
            (m2m100, EXACT),
            (other, EXACT),
            (longer, EXACT),
            (m2m100, Translating()),
            (m2m100, Translating(compute_type="float32", beam_size=2)),
        )
    ]
    assert len(set(prints)) == len(prints)
    assert open_exact(m2m100).fingerprint == prints[0]
    assert open_exact(shutil.copytree(m2m100, tmp_path / "copy")).fingerprint == prints[0]


def test_beam_search_and_int8_run(m2m100: Path) -> None:
    config = Translating(compute_type="int8", beam_size=3)
    translator = load_published(m2m100, config, name="tiny")
    assert len(list(translator.translate(SENTENCES["fr"], "fr", "zh"))) == len(SENTENCES["fr"])


def test_a_closed_translator_opens_again(m2m100: Path) -> None:
    translator = open_exact(m2m100)
    first = ours(translator, "en", "de")
    translator.close()
    translator.close()
    assert ours(translator, "en", "de") == first


def foreign(folder: Path, target: Path) -> Path:
    """A converted model as another program leaves it: without our notes."""
    made = open_exact(folder)._folder
    shutil.copytree(made, target)
    (target / "babelift.json").unlink()
    return target


def test_a_ct2_folder_is_recognised_by_its_tokenizer(
    m2m100: Path, nllb: Path, tmp_path: Path
) -> None:
    marian = tiny_marian(tmp_path / "marian", "en", "de")
    for folder in (m2m100, nllb, marian):
        translator = load(str(foreign(folder, tmp_path / f"ct2-{folder.name}")), Translating())
        assert translator.name == f"ct2-{folder.name}"
        assert ("en", "de") in (translator.pairs() or ())
        known = [output.tokens for output in open_exact(folder).generate(["Yes."], "en", "de")]
        found = [output.tokens for output in translator.generate(["Yes."], "en", "de")]
        # The notes hold the tiny models' short limit; without them the family's is used.
        assert found[0][: len(known[0])] == known[0]


def test_a_ct2_folder_computes_as_it_is_stored_unless_told_otherwise(
    m2m100: Path, tmp_path: Path
) -> None:
    folder = str(foreign(m2m100, tmp_path / "model"))
    assert " default " in load(folder, Translating()).fingerprint
    assert " int8 " in load(folder, Translating(compute_type="int8")).fingerprint
    with pytest.raises(ConfigError, match="float8"):
        load(folder, Translating(compute_type="float8"))


def test_a_folder_that_is_no_ct2_model_says_what_to_do(m2m100: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model\.bin") as error:
        load(str(m2m100), Translating())
    assert "m2m100:FOLDER" in str(error.value)
    bare = foreign(m2m100, tmp_path / "bare")
    (bare / "sentencepiece.bpe.model").unlink()
    with pytest.raises(ModelError, match="Copy the tokenizer's files"):
        load(str(bare), Translating())
    (bare / "shared_vocabulary.json").unlink()
    with pytest.raises(ModelError, match="no vocabulary"):
        load(str(bare), Translating())


def test_a_damaged_model_is_a_model_error(m2m100: Path, tmp_path: Path) -> None:
    folder = foreign(m2m100, tmp_path / "model")
    (folder / "model.bin").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="cannot be opened"):
        list(load(str(folder), Translating()).translate(["Yes."], "en", "de"))


def _large_shape(folder: Path) -> None:
    """Make the shape of a matrix one of terabytes, and leave its values as they are."""
    content = bytearray((folder / "model.bin").read_bytes())
    end = b"/weight\0"
    rank = content.index(end) + len(end)
    assert content[rank] == 2
    struct.pack_into("II", content, rank + 1, 2**20, 2**20)
    (folder / "model.bin").write_bytes(content)


def _settings(**values: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        ModelSettings("m2m100", 64).write(folder)
        path = folder / "babelift.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return write


def _write(name: str, content: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_large_shape, "model.bin' is damaged: .* bytes for the shape"),
        (lambda f: os.truncate(f / "model.bin", 2000), "model.bin' is damaged"),
        (lambda f: os.truncate(f / "shared_vocabulary.json", 10**8), "has 100,000,000 bytes"),
        (_write("shared_vocabulary.json", "[" * 10**5), "cannot be read"),
        (_write("shared_vocabulary.json", "{}"), "must hold a JSON list of texts"),
        (_write("shared_vocabulary.json", "[1, 2]"), "must hold a JSON list of texts"),
        (_write("config.json", "[" * 10**5), "cannot be read"),
        (_write("tokenizer_config.json", '{"auto_map": {"a": "b"}}'), "code of its own"),
        (_write("sentencepiece.bpe.model", "no model"), "not a SentencePiece model"),
        (_settings(output_limit=10**12), "a text of 1000000000000 tokens"),
        (_settings(source_limit=0), "a text of 0 tokens"),
        (_settings(source_limit="x"), "babelift.json' is not what this version writes"),
        (_settings(repetition_penalty=[1]), "babelift.json' is not what this version writes"),
        (_settings(suppressed=5), "babelift.json' is not what this version writes"),
    ],
)
def test_a_folder_that_would_cost_time_or_memory_is_refused(
    m2m100: Path, tmp_path: Path, spoil: Callable[[Path], Any], words: str
) -> None:
    folder = foreign(m2m100, tmp_path / "model")
    load(str(folder), Translating())
    spoil(folder)
    with pytest.raises(ModelError, match=words):
        load(str(folder), Translating())


def test_a_marian_folder_must_say_its_languages(tmp_path: Path) -> None:
    folder = foreign(tiny_marian(tmp_path / "m", "en", "de"), tmp_path / "ct2")
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(ModelError, match="source_lang and target_lang"):
        load(str(folder), Translating())


@pytest.mark.parametrize(
    ("asked", "expected"), [("1", (1, 1)), ("2", (2, 1)), ("16,1", (4, 4)), ("junk", None)]
)
def test_threads_follow_omp_num_threads(
    monkeypatch: pytest.MonkeyPatch, asked: str, expected: tuple[int, int] | None
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    inter, intra = ct2.threads()
    assert (inter, intra) == expected if expected else inter * intra >= 1


def test_opening_leaves_torch_its_threads(m2m100: Path) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        list(open_exact(m2m100).translate(["Hello."], "en", "de"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


PAIR = ("en", "de")
BATCHES = [[f"{text} {number}" for text in SENTENCES["en"]] for number in range(8)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BABELIFT_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = tiny_m2m100(tmp_path_factory.mktemp("m2m100"))
        return load_published(folder, Translating(compute_type="float32"), name="tiny")._folder


@pytest.fixture
def translator(model: Path) -> CT2Translator:
    return CT2Translator(model, name="tiny")


class Limited:
    """An engine that runs out of memory in steps of more than so many tokens."""

    def __init__(self, engine: Any, limit: int, error: Exception) -> None:
        self.engine, self.limit, self.error = engine, limit, error
        self.steps: list[int] = []

    def translate_batch(self, sources: Sequence[list[str]], **options: Any) -> list[Any]:
        step = options["max_batch_size"]
        self.steps.append(step)
        results = self.engine.translate_batch(sources, **options)
        # CTranslate2 pads a step to its longest source; what is alone in one has no padding.
        fits = [max(step, len(tokens)) <= self.limit for tokens in sources]
        return [
            result if fit else Failed(self.error) for result, fit in zip(results, fits, strict=True)
        ]


class Failed:
    """A result that is an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def result(self) -> Any:
        raise self.error


def limit(translator: CT2Translator, limit: int, error: Exception) -> Limited:
    engine = translator._engine
    engine._loaded = Limited(engine._open("tiny"), limit, error)
    return engine._loaded


def test_batches_give_what_they_give_alone(translator: CT2Translator) -> None:
    alone = [list(translator.translate(batch, *PAIR)) for batch in BATCHES]
    assert list(translator.translate_batches(BATCHES, *PAIR)) == alone
    odd: list[list[str]] = [[], ["", " "], BATCHES[0], []]
    made = list(translator.translate_batches(iter(odd), *PAIR))
    assert made == [[], [("", False)] * 2, alone[0], []]


def test_the_engine_has_the_next_batches_before_one_is_taken(translator: CT2Translator) -> None:
    taken = []

    def batches() -> Iterator[list[str]]:
        for number, batch in enumerate(BATCHES):
            taken.append(number)
            yield batch

    made = translator.translate_batches(batches(), *PAIR)
    for number in range(len(BATCHES)):
        next(made)
        assert len(taken) == min(number + 1 + AHEAD, len(BATCHES))


def test_a_generator_that_is_closed_early_leaves_the_engine_sound(
    translator: CT2Translator,
) -> None:
    alone = list(translator.translate(BATCHES[0], *PAIR))
    made = translator.translate_batches(BATCHES, *PAIR)
    assert next(made) == alone
    made.close()
    assert list(translator.translate(BATCHES[0], *PAIR)) == alone
    translator.close()
    assert list(translator.translate(BATCHES[0], *PAIR)) == alone


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_batches_before_an_error_are_in_the_memory(
    translator: CT2Translator,
    tmp_path: Path,
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Random weights answer many texts with nothing, which would not be kept.
    monkeypatch.setattr(segments, "failure", lambda source, text: None)
    texts = [text for batch in BATCHES for text in batch]
    finish, finished = translator._engine.finish, []

    def failing(started: Any) -> list[list[str]]:
        if len(finished) == 3:
            raise error
        made = finish(started)
        finished.append(len(made))
        return made

    translator._engine.finish = failing  # type: ignore[method-assign]
    with Memory(tmp_path / "memory.sqlite") as memory, quiet().task("", None) as task:
        lane = Lane(translator, memory, *PAIR, 30, 0)
        with pytest.raises(type(error)):
            list(translate_texts(texts, lane, Tally(), task))
        assert len(memory) == sum(finished) > 0
        translator._engine.finish = finish  # type: ignore[method-assign]
        later, whole = Tally(), Tally()
        list(translate_texts(texts, lane, later, task))
        with Memory(tmp_path / "other.sqlite") as other:
            list(translate_texts(texts, replace(lane, memory=other), whole, task))
        assert later.translated == whole.translated - sum(finished)


@pytest.mark.parametrize(
    "error", [RuntimeError("mkl_malloc: failed to allocate memory"), MemoryError("std::bad_alloc")]
)
def test_steps_are_halved_until_they_fit(translator: CT2Translator, error: Exception) -> None:
    expected = list(translator.translate_batches(BATCHES, *PAIR))
    assert translator.notes == ()
    engine = limit(translator, 300, error)
    assert list(translator.translate_batches(BATCHES, *PAIR)) == expected
    assert engine.steps[-1] == STEP_TOKENS // 4
    # What was under way is given again in the steps that have been found, later ones at once.
    assert engine.steps.count(STEP_TOKENS) == AHEAD + 1
    assert engine.steps.count(STEP_TOKENS // 2) == 1
    [note] = translator.notes
    assert note == (
        "tiny: memory ran out, so it was given 256 tokens at a time instead of 1024; "
        "nothing was lost."
    )
    assert translator.variant().notes == translator.notes


def test_memory_that_runs_out_while_texts_are_handed_over_is_no_different(
    translator: CT2Translator,
) -> None:
    expected = list(translator.translate(BATCHES[0], *PAIR))
    engine = limit(translator, STEP_TOKENS, MemoryError())
    hand_over, failures = engine.translate_batch, [MemoryError()]

    def failing_once(*arguments: Any, **options: Any) -> list[Any]:
        if failures:
            raise failures.pop()
        return hand_over(*arguments, **options)

    engine.translate_batch = failing_once  # type: ignore[method-assign]
    assert list(translator.translate(BATCHES[0], *PAIR)) == expected
    assert engine.steps == [STEP_TOKENS // 2]


def test_a_text_that_does_not_fit_alone_is_an_error(translator: CT2Translator) -> None:
    limit(translator, 1, RuntimeError("CUDA failed with error out of memory"))
    with pytest.raises(TranslationError, match=r"memory ran out on a single text of \d+ tokens"):
        list(translator.translate(BATCHES[0], *PAIR))


def test_another_error_is_not_tried_again(translator: CT2Translator) -> None:
    engine = limit(translator, 1, RuntimeError("broken"))
    with pytest.raises(TranslationError, match="the engine failed: broken"):
        list(translator.translate(BATCHES[0], *PAIR))
    assert engine.steps == [STEP_TOKENS]


def test_a_model_that_does_not_fit_says_so(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ctranslate2

    def full(*arguments: object, **options: object) -> None:
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(ctranslate2, "Translator", full)
    with pytest.raises(ModelError, match="does not fit in memory"):
        Engine(model, "default").start("tiny", [["a"]], {"target_prefix": []})
