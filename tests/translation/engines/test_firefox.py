"""Firefox's models on their real engine, from files in their real form: found, routed, never cut
in silence, and never fetched."""

import builtins
import gzip
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from babelift.config import Translating
from babelift.errors import LanguageError, MissingDependencyError, ModelError
from babelift.progress import quiet
from babelift.translation.engines.firefox import WINDOW, load
from babelift.translation.engines.pivot import PivotTranslator
from babelift.translation.memory import Memory
from babelift.translation.registry import load_translator
from babelift.translation.segments import Lane, Tally, translate_texts
from tests.support import SENTENCES, HubServer
from tests.support.firefox import tiny_firefox

fxtranslate = pytest.importorskip("fxtranslate")

MODEL = "model.ende.intgemm.alphas.bin"
LEX = "lex.50.50.ende.s2t.bin"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user would fill it: en-de and de-en with all files in one, ja-en in its own."""
    root = tmp_path_factory.mktemp("firefox")
    tiny_firefox(root, "en", "de", seed=1)
    tiny_firefox(root, "de", "en", seed=2)
    tiny_firefox(root / "en-ja", "en", "ja", seed=3, split=True)
    return root


@pytest.fixture
def alone(models: Path, tmp_path: Path) -> Path:
    """A folder with the files of en-de alone, to be spoilt."""
    folder = tmp_path / "en-de"
    folder.mkdir()
    for name in (MODEL, LEX, "vocab.ende.spm"):
        shutil.copyfile(models / name, folder / name)
    return folder


def opened(folder: Path) -> PivotTranslator:
    return load(str(folder), Translating())


def engine(folder: Path, source: str, target: str) -> Any:
    """The engine itself, as its own documentation opens it."""
    pair = source + target
    shared = folder / f"vocab.{pair}.spm"
    sides = [shared if shared.exists() else folder / f"{s}vocab.{pair}.spm" for s in ("src", "trg")]
    files = [
        folder / f"model.{pair}.intgemm.alphas.bin",
        *sides,
        folder / f"lex.50.50.{pair}.s2t.bin",
    ]
    return fxtranslate.Translator(*(path.read_bytes() for path in files))


def test_the_pairs_are_those_of_the_files_and_through_english(models: Path) -> None:
    translator = opened(models)
    assert translator.pairs() == {("en", "de"), ("de", "en"), ("en", "ja"), ("de", "ja")}
    assert translator.route("de", "ja") == [("de", "en"), ("en", "ja")]
    assert translator.license == "MPL-2.0"
    with pytest.raises(LanguageError, match="from 'ja' into 'de'"):
        list(translator.translate(["はい。"], "ja", "de"))


@pytest.mark.parametrize("pair", [("en", "de"), ("en", "ja")])
def test_the_engine_gives_what_it_gives_by_itself(models: Path, pair: tuple[str, str]) -> None:
    folder = models if pair[1] == "de" else models / "en-ja"
    expected = [engine(folder, *pair).translate(text) for text in SENTENCES["en"]]
    made = [text for text, _ in opened(models).translate(SENTENCES["en"], *pair)]
    plain = [number for number, text in enumerate(expected) if "<0x" not in text]
    assert [made[number] for number in plain] == [expected[number] for number in plain]
    assert not any("<0x" in text for text in made if text)
    assert len(set(made)) > 3


def test_two_hops_are_one_model_after_the_other(models: Path) -> None:
    translator = opened(models)
    english = [text or "" for text, _ in translator.translate(SENTENCES["de"], "de", "en")]
    expected = [text for text, _ in translator.translate(english, "en", "ja")]
    assert [text for text, _ in translator.translate(SENTENCES["de"], "de", "ja")] == expected


def test_a_text_beyond_the_window_says_that_it_was_cut(models: Path) -> None:
    translator = opened(models)
    sentence = SENTENCES["en"][0]
    (size,) = translator.count_tokens([sentence], "en", "de")
    long = " ".join([sentence] * (WINDOW // size + 1))
    assert next(translator.translate([long], "en", "de")).truncated
    assert translator.max_input_tokens == WINDOW
    assert list(translator.translate(["", "  "], "en", "de")) == [("", False), ("", False)]


def test_long_texts_reach_the_engine_in_parts_within_its_window(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translator = opened(models)
    model: Any = translator._model(("en", "de"))
    sent: list[str] = []
    translate: Callable[[str], Any] = model._translated
    monkeypatch.setattr(model, "_translated", lambda text: sent.append(text) or translate(text))
    words = [word for text in SENTENCES["en"] for word in text.rstrip(".").split()]
    text = " ".join(f"{word}{number}" for number, word in enumerate(words * 3)) + "."
    assert translator.count_tokens([text], "en", "de")[0] > 3 * WINDOW
    with Memory(tmp_path / "memory.sqlite") as memory, quiet().task("", None) as task:
        lane = Lane(translator, memory, "en", "de", 4096, 0)
        list(translate_texts([text], lane, Tally(), task))
    assert max(translator.count_tokens(sent, "en", "de")) <= WINDOW
    assert sorted(" ".join(sent).replace(".", "").split()) == sorted(text[:-1].split())


def test_characters_that_the_engine_leaves_as_bytes_are_put_together(models: Path) -> None:
    model: Any = opened(models)._model(("en", "de"))
    model._engine = type(
        "Engine", (), {"translate": lambda self, text: "<0xC3><0xB6><0x21> <0xFF>"}
    )()
    assert model._translated("a").text == "ö! \N{REPLACEMENT CHARACTER}"
    assert model._translated("what is <0xC3>?").text == "<0xC3><0xB6><0x21> <0xFF>"


def test_the_fingerprint_knows_every_file_and_the_engine(alone: Path) -> None:
    before = opened(alone).fingerprint
    assert f"fxtranslate:{version('fxtranslate')}" in before
    seen = {before}
    for name in (MODEL, LEX, "vocab.ende.spm"):
        with (alone / name).open("ab") as stream:
            stream.write(b"\0")
        seen.add(opened(alone).fingerprint)
    assert len(seen) == 4


def test_packed_files_and_a_vocabulary_named_the_other_way_round_are_taken(
    models: Path, alone: Path
) -> None:
    expected = list(opened(models).translate(SENTENCES["en"], "en", "de"))
    for path in list(alone.iterdir()):
        (alone / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    (alone / "vocab.ende.spm.gz").rename(alone / "vocab.deen.spm.gz")
    assert list(opened(alone).translate(SENTENCES["en"], "en", "de")) == expected


def test_without_a_shortlist_it_goes_on_and_says_so(alone: Path) -> None:
    (alone / LEX).unlink()
    translator = opened(alone)
    assert list(translator.translate(SENTENCES["en"], "en", "de"))
    translator.close()
    (note,) = translator.notes
    assert "no shortlist" in note


def _cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        (MODEL, lambda path: _cut(path, 5000), "not in Marian's binary form"),
        (MODEL, lambda path: path.write_bytes(b"PK\3\4" * 50), "not in Marian's binary form"),
        (MODEL, lambda path: path.write_bytes(b""), "it is empty"),
        (
            MODEL,
            lambda path: path.write_bytes(
                path.read_bytes().replace(b"decoder_l1_rnn_W\0", b"decoder_l1_xxx_W\0")
            ),
            "lacks a recurrent decoder",
        ),
        (
            MODEL,
            lambda path: path.write_bytes(
                path.read_bytes().replace(b"encoder_l1_self_Wq\0", b"encoder_l1_self_Wx\0")
            ),
            "engine failed",
        ),
        (
            MODEL,
            lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
            "git lfs pull",
        ),
        (LEX, lambda path: _cut(path, 40), "ends too soon"),
        (LEX, lambda path: _cut(path, 4000), "ends too soon"),
        ("vocab.ende.spm", lambda path: _cut(path, 100), "cannot be read"),
        ("vocab.ende.spm", lambda path: path.unlink(), "has no vocab.ende.spm beside"),
        (MODEL, lambda path: path.unlink(), "holds no model of Firefox"),
        (
            MODEL,
            lambda path: path.rename(path.with_name("model.xyqq.intgemm.alphas.bin")),
            "does not say its languages",
        ),
    ],
)
def test_what_is_wrong_in_the_folder_is_said(
    alone: Path, name: str, spoil: Callable[[Path], None], message: str
) -> None:
    from babelift.errors import BabeliftError

    spoil(alone / name)
    with pytest.raises(BabeliftError, match=message):
        list(opened(alone).translate(["Good."], "en", "de"))


def test_a_half_of_a_split_vocabulary_and_a_pair_given_twice_are_said(
    models: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(models / "en-ja", tmp_path / "half")
    (folder / "trgvocab.enja.spm").unlink()
    with pytest.raises(ModelError, match=r"has no trgvocab\.enja\.spm"):
        opened(folder)
    twice = shutil.copytree(models, tmp_path / "twice")
    shutil.copytree(models / "en-ja", twice / "again")
    with pytest.raises(ModelError, match="are both of en > ja"):
        opened(twice)
    with pytest.raises(ModelError, match="there is no folder"):
        opened(tmp_path / "nowhere")


def test_nothing_is_ever_fetched(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket, "socket", no_network)
    monkeypatch.setenv("FXTRANSLATE_RECORDS_URL", "http://127.0.0.1:9/records")
    translator = load_translator(f"firefox:{models}")
    assert list(translator.translate(["Good."], "en", "de"))
    with pytest.raises(ModelError, match="there is no folder 'en-de'"):
        load_translator("firefox:en-de")


FETCH = """
import sys
from babelift.config import Translating
from babelift.errors import BabeliftError
from babelift.translation.engines.firefox import load
for repo in sys.argv[1:]:
    try:
        print(len(list(load(repo, Translating()).translate(["Good."], "en", "de"))))
    except BabeliftError as error:
        print(error.message)
"""


def test_a_repository_of_a_hub_is_fetched_once(alone: Path, tmp_path: Path) -> None:
    (alone / "other.bin").write_bytes(b"of something else")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.md").write_text("nothing")
    with HubServer({"me/ende": alone, "me/empty": tmp_path / "empty"}) as hub:

        def run(*repos: str) -> list[str]:
            environment = {**os.environ, **hub.environment(tmp_path / "hf")}
            done = subprocess.run(
                [sys.executable, "-c", FETCH, *repos], env=environment, capture_output=True,
                text=True, check=True,
            )  # fmt: skip
            return done.stdout.splitlines()

        first = run("me/ende", "me/empty", "me/nobody")
        assert first[0] == "1"
        assert "holds no model of Firefox" in first[1]
        assert "is not known to the hub" in first[2]
        for name in (MODEL, LEX, "vocab.ende.spm"):
            assert len(hub.fetched(name)) == 1
        assert not hub.fetched("other.bin")
        asked = len(hub.requests)
        assert run("me/ende") == ["1"]
        assert len(hub.requests) == asked


def test_without_the_engine_it_is_said_how_to_install_it(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "fxtranslate":
            raise ModuleNotFoundError("No module named 'fxtranslate'", name="fxtranslate")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingDependencyError, match="pip install fxtranslate"):
        load_translator(f"firefox:{models}")
