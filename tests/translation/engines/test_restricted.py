"""A part of the output vocabulary: the same outputs, or the whole of it, and which is said."""

import itertools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from babelift.config import Translating
from babelift.errors import ModelError
from babelift.translation.engines import restricted
from babelift.translation.engines.ctranslate2 import CT2Translator, load, load_published
from babelift.translation.engines.restricted import (
    NAMES,
    Restriction,
    always_allowed,
    mixes_scripts,
    vocabulary_map,
)
from tests.support import SENTENCES, tiny_m2m100, tiny_marian, tiny_nllb

WHOLE = Translating(compute_type="float32")
PART = Translating(compute_type="float32", output_vocabulary="target")


@pytest.fixture(scope="module")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers in all scripts at once, whatever the target."""
    return tiny_m2m100(tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def latin_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never answers in another script than Latin, as a trained model into German."""
    folder = tiny_m2m100(tmp_path_factory.mktemp("latin"))
    tokens = json.loads((folder / "vocab.json").read_text("utf-8"))
    _forget(folder, set(tokens) - set(always_allowed(tokens, "de")), tokens)
    return folder


def _forget(folder: Path, tokens: set[str], ids: dict[str, int]) -> None:
    """Make some tokens unlikely everywhere, as a trained model has those of other scripts.

    One dimension of the decoder's output is nearly constant, and only these tokens have it.
    """
    import torch
    from transformers import M2M100ForConditionalGeneration

    network: Any = M2M100ForConditionalGeneration.from_pretrained(folder)
    with torch.no_grad():
        vectors = network.get_input_embeddings().weight
        vectors[:, 0] = 0
        vectors[[ids[token] for token in tokens]] = 0
        vectors[[ids[token] for token in tokens], 0] = -3
        network.model.decoder.layer_norm.bias[0] = 10
    network.save_pretrained(folder)


def both(folder: Path, **options: Any) -> tuple[CT2Translator, CT2Translator]:
    whole, part = (
        load_published(folder, config.model_copy(update=options), name="tiny")
        for config in (WHOLE, PART)
    )
    return whole, part


def trust(translator: CT2Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what comes with a part of the tokens, also where it differs."""
    monkeypatch.setattr(Restriction, "judge", lambda *_: None)
    assert translator._restriction is not None


@pytest.mark.parametrize("beam_size", [1, 5])
def test_outputs_are_those_of_the_whole_vocabulary(latin_model: Path, beam_size: int) -> None:
    whole, part = both(latin_model, beam_size=beam_size)
    texts = [*SENTENCES["en"], *NAMES, "Ask Πέτρος, 田中 or Иван 😀!", "", "7½ € … №5 👍🏽"]
    assert part.generate(texts, "en", "de") == whole.generate(texts, "en", "de")
    (note,) = part.notes
    assert "came out alike" in note
    assert "; 1 with other scripts had all tokens" in note
    assert whole.notes == ()


def test_a_pair_that_comes_out_differently_has_all_tokens_and_says_so(random_model: Path) -> None:
    whole, part = both(random_model)
    for target in ("de", "ja"):
        batches = [SENTENCES["en"][:4], SENTENCES["en"][4:], SENTENCES["en"]]
        made = part.translate_batches(batches, "en", target)
        expected = whole.translate_batches(batches, "en", target)
        assert list(made) == list(expected)
    notes = part.notes
    assert [note.split(":")[0] for note in notes] == ["tiny, en > de", "tiny, en > ja"]
    assert all("came out differently" in note for note in notes)
    assert all(note.endswith("so all tokens are used") for note in notes)


def test_a_difference_that_is_noticed_late_says_that_what_came_before_may_differ(
    random_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, part = both(random_model)
    judge = Restriction.judge

    def lenient(self: Restriction, *arguments: Any) -> None:
        source, target, whole, restricted = arguments
        late = self._pair(source, target).batches > 2
        judge(self, source, target, whole, restricted if late else whole)

    monkeypatch.setattr(Restriction, "judge", lenient)
    list(part.translate_batches([SENTENCES["en"]] * 5, "en", "de"))
    assert part.notes[0].endswith("; some of the 3 batches before may differ too")


def test_only_tokens_of_the_target_and_of_the_batch_come_out(
    random_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, part = both(random_model)
    trust(part, monkeypatch)
    tokens = json.loads((random_model / "vocab.json").read_text("utf-8"))
    without = 0
    for target, source in (("de", "ja"), ("ja", "de"), ("de", "en")):
        sources = part._pieces.split(SENTENCES[source])
        own = {token.removeprefix("▁").lower() for tokens in sources for token in tokens}
        expected = {*always_allowed(tokens, target), *part._pieces.silent}
        outputs = part.generate(SENTENCES[source], source, target)
        made = {token for output in outputs for token in output.tokens}
        assert {
            token for token in made - expected if token.removeprefix("▁").lower() not in own
        } == set()
        before = whole.generate(SENTENCES[source], source, target)
        without += len({token for output in before for token in output.tokens} - expected)
    assert without


def test_a_text_with_another_script_in_it_is_never_restricted(
    random_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, part = both(random_model)
    trust(part, monkeypatch)
    plain = SENTENCES["de"][0]
    odd = [f"{plain} {name}" for name in ("東京", "ひらがな", "Пушкин", "Αθήνα", "서울", "القاهرة")]
    assert part.generate(odd, "de", "en") == whole.generate(odd, "de", "en")
    mixed = part.generate([plain, *odd], "de", "en")
    assert mixed[1:] == whole.generate(odd, "de", "en")
    assert mixed[0] != whole.generate([plain], "de", "en")[0]


def test_targets_may_alternate_and_batches_of_the_other_may_be_under_way(
    latin_model: Path,
) -> None:
    whole, part = both(latin_model)
    for translator in (part, whole):
        made = [
            zip(
                translator.translate_batches([SENTENCES["en"]] * 4, "en", "de"),
                translator.translate_batches([SENTENCES["en"]] * 4, "en", "fr"),
                strict=True,
            )
        ]
        if translator is part:
            first = [list(pairs) for pairs in made]
        else:
            assert first == [list(pairs) for pairs in made]
    assert len(part.notes) == 2


def test_nllb_is_restricted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_nllb(tmp_path / "nllb")
    whole, part = both(folder)
    assert part.generate(SENTENCES["en"], "en", "de") == whole.generate(SENTENCES["en"], "en", "de")
    trust(part, monkeypatch)
    text = [text for text in SENTENCES["en"] if text.isascii()]
    (again,) = (load_published(folder, PART, name="tiny"),)
    made = {token for output in again.generate(text, "en", "fr") for token in output.tokens}
    assert made <= {*always_allowed(made, "fr"), *again._pieces.silent}


def test_texts_are_tried_again_at_the_second_fourth_and_eighth_batch(
    latin_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, part = both(latin_model)
    tried: list[int] = []
    judge = Restriction.judge

    def counted(self: Restriction, *arguments: Any) -> None:
        tried.append(len(arguments[2]))
        judge(self, *arguments)

    monkeypatch.setattr(Restriction, "judge", counted)
    batches = [SENTENCES["en"][:2]] * 9
    list(part.translate_batches(batches, "en", "de"))
    assert tried == [2 + len(NAMES)] * 4
    monkeypatch.setattr(restricted, "NAMES", ())
    assert f"{4 * tried[0]} texts tried both ways" in part.notes[0]


def test_the_fingerprint_tells_and_the_variant_has_all_tokens(random_model: Path) -> None:
    whole, part = both(random_model)
    assert part.fingerprint == f"{whole.fingerprint} vmap:1"
    assert part.variant().fingerprint == whole.variant().fingerprint
    texts = SENTENCES["en"]
    assert list(part.variant().translate(texts, "en", "de")) == list(
        whole.variant().translate(texts, "en", "de")
    )


def test_a_model_of_one_pair_is_left_as_it_is(tmp_path: Path) -> None:
    whole, part = both(tiny_marian(tmp_path / "marian", "en", "de"))
    assert part.fingerprint == whole.fingerprint
    assert part.generate(SENTENCES["en"], "en", "de") == whole.generate(SENTENCES["en"], "en", "de")
    assert part.notes == ()


def test_a_folder_of_the_user_is_not_written_to(
    latin_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BABELIFT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "mine"
    shutil.copytree(load_published(latin_model, WHOLE, name="tiny")._folder, folder)
    before = sorted(path.name for path in folder.iterdir())
    translator = load(str(folder), PART)
    assert list(translator.translate(SENTENCES["en"], "en", "de"))
    assert sorted(path.name for path in folder.iterdir()) == before
    made, *_ = filter(Path.is_dir, (tmp_path / "cache" / "models" / "vmap").iterdir())
    assert made.name.endswith("-de")
    assert (made / "model.bin").samefile(folder / "model.bin")
    first = (made / "vmap.txt").stat()
    assert list(load(str(folder), PART).translate(["Good."], "en", "de"))
    assert (made / "vmap.txt").stat() == first  # made once
    (folder / "model.bin").touch()
    assert list(load(str(folder), PART).translate(["Good."], "en", "de"))
    assert len(list(filter(Path.is_dir, made.parent.iterdir()))) == 2


def test_a_cache_that_cannot_be_written_is_an_error_with_a_way_out(
    latin_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, part = both(latin_model)
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / "vmap").write_text("in the way")
    monkeypatch.setenv("BABELIFT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="cannot be linked") as error:
        part.generate(SENTENCES["en"], "en", "de")
    assert "--output-vocabulary whole" in str(error.value)


TOKENS = ("▁Haus", "▁дом", "語", "▁ni", "▁the", "ñ", "٣", "Ⅳ", "½", "▁", "😀", "ー", "\u0301", "ё")


@pytest.mark.parametrize(
    ("target", "left_out"),
    [
        ("de", ["▁дом", "語", "ё"]),
        ("ru", ["語", "ñ"]),
        ("ja", ["▁дом", "ñ", "ё"]),
        ("sr", ["語"]),  # written in both
        ("zh", ["▁дом", "ñ", "ё"]),
    ],
)
def test_the_tokens_of_a_target(target: str, left_out: Sequence[str]) -> None:
    assert [token for token in TOKENS if token not in always_allowed(TOKENS, target)] == left_out


def test_every_token_is_in_the_map_once_on_its_own_line_or_the_first() -> None:
    tokens = [*TOKENS, "a b", "c\td", "e\n"]
    for target in ("de", "ja"):
        always = always_allowed(tokens, target)
        first, *others = vocabulary_map(tokens, always).decode().removesuffix("\n").split("\n")
        named = [*first.removeprefix("\t").split(" "), *(line.split("\t")[0] for line in others)]
        assert sorted(named) == sorted(TOKENS)


@pytest.mark.parametrize(("source", "target"), itertools.permutations(("de", "ja", "ru"), 2))
def test_own_scripts_latin_digits_and_emoji_are_no_other_script(source: str, target: str) -> None:
    for lang in (source, target, "en"):
        sample = {"de": "Größe", "ja": "カメラと語ー", "ru": "Ёлка", "en": "Łódź ½ ٣ 😀 Ａ"}[lang]
        assert not mixes_scripts(f"{sample} 5!", source, target)
    assert mixes_scripts("Αθήνα", source, target)
