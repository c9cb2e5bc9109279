"""Translating on a Ray cluster of which a node dies gives what it gives on one machine."""

import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import ray

from babelift.cluster.ray import ATTEMPTS, IN_FLIGHT, Pool
from babelift.config import TranslateConfig, Translating
from babelift.errors import ConfigError, MissingTranslationError, TranslationError
from babelift.translation.job import run_translate, translate
from babelift.translation.memory import Memory
from babelift.translation.on_ray import TranslatingWorker, load_on_ray
from babelift.translation.protocol import BatchTranslator, DerivedTranslator
from babelift.translation.registry import load_translator
from babelift.translation.segments import cut_batches, estimate_tokens
from tests.conftest import NODES
from tests.support import SENTENCES, tiny_m2m100

pytestmark = pytest.mark.slow

Load = Callable[..., Any]
TEXTS = 150
BATCH_TOKENS = 60

PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
folder = Path(__file__).parent
(folder / f"{os.getpid()}.program").touch()
wanted = int((folder / "wanted").read_text())
while len(list(folder.glob("*.program"))) < wanted:
    time.sleep(0.01)
for line in sys.stdin:
    job = json.loads(line)
    with open(folder / "seen.log", "a") as log:
        log.write(job["target_lang"] + " " + job["text"] + "\\n")
    if job["text"] == "poison":
        os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(0.005)
    while (folder / "hold").exists():
        time.sleep(0.01)
    print(json.dumps({"id": job["id"], "translation": job["text"][::-1]}), flush=True)
"""
"""Logs every text it is given; starts with as many others as `wanted` says, stops at `hold`."""


@pytest.fixture
def load(cluster: Any) -> Iterator[Load]:
    with Pool(TranslatingWorker, workers=1) as pool:
        yield partial(load_on_ray, pool)


class Program:
    """A translator that logs what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "program.py"
        path.write_text(PROGRAM)
        self.spec = f"command:'{sys.executable}' '{path}'"

    def together(self, wanted: int) -> None:
        """Have it wait for so many of its kind before it begins."""
        (self.folder / "wanted").write_text(str(wanted))
        for mark in self.folder.glob("*.program"):
            mark.unlink()

    def seen(self) -> Counter[str]:
        """How often it was given each text, since it was last asked."""
        log = self.folder / "seen.log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return Counter(lines)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    program = Program(tmp_path)
    program.together(1)
    return program


class Acting:
    """A display that does something once a number of segments is finished."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.left, self.act = at, act

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "rows") -> Iterator["Acting"]:
        yield self

    def advance(self, amount: float = 1) -> None:
        before, self.left = self.left, self.left - int(amount)
        if before > 0 >= self.left:
            self.act()

    def describe(self, text: str) -> None: ...

    def say(self, message: str) -> None: ...


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_translator_on_ray_is_the_same_to_everyone(
    load: Load, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from babelift.translation.engines.ctranslate2 import load_published

    exact = Translating(compute_type="float32")
    published = tiny_m2m100(tmp_path_factory.mktemp("m2m100"))
    spec = f"ct2:{load_published(published, exact, name='tiny')._folder}"
    here, there = load_translator(spec, config=exact), load(spec, config=exact)
    assert isinstance(there, BatchTranslator)
    assert not isinstance(there, DerivedTranslator)
    for name in ("name", "fingerprint", "unit", "license", "max_input_tokens"):
        assert getattr(there, name) == getattr(here, name)
    assert there.pairs() == here.pairs()
    texts = SENTENCES["en"]
    assert there.count_tokens(texts, "en", "de") == here.count_tokens(texts, "en", "de")
    assert list(there.translate(texts, "en", "de")) == list(here.translate(texts, "en", "de"))
    varied, other = here.variant(), there.variant()
    assert (other.name, other.fingerprint) == (varied.name, varied.fingerprint)
    assert list(other.translate(texts, "en", "de")) == list(varied.translate(texts, "en", "de"))
    there.close()


def test_what_is_spoilt_is_made_on_ray_and_spoilt_here(load: Load) -> None:
    spec = "degraded:drop=0.5:mini-lexicon"
    here, there = load_translator(spec), load(spec)
    assert isinstance(there, DerivedTranslator)
    assert there.fingerprint == here.fingerprint
    texts = ["The coffee was good and hot.", "It was bad."]
    assert list(there.translate(texts, "en", "de")) == list(here.translate(texts, "en", "de"))
    assert isinstance(there.base, BatchTranslator)
    assert there.base.variant() is None


def test_batches_come_in_order_and_an_early_end_does_no_harm(load: Load) -> None:
    translator = load("mini-lexicon")
    batches = [[f"good {number}"] * (1 + number % 3) for number in range(20)]
    here = load_translator("mini-lexicon")
    expected = [list(here.translate(batch, "en", "de")) for batch in batches]
    begun = translator.translate_batches(batches, "en", "de")
    assert [next(begun), next(begun)] == expected[:2]
    begun.close()
    assert list(translator.translate_batches(iter(batches), "en", "de")) == expected
    assert list(translator.translate_batches([], "en", "de")) == []


def test_two_translators_share_the_processes(load: Load, tmp_path: Path) -> None:
    # With one process on the cluster, a second of its own would never come.
    for name in ("mini-lexicon", "mini"):
        assert len(list(load(name).translate(["It is good."], "en", "de"))) == 1


def test_errors_of_the_translator_come_back_as_themselves(load: Load, tmp_path: Path) -> None:
    rows = [
        {"source_lang": "en", "target_lang": "de", "source_text": text, "target_text": text}
        for text in ("one", "two")
    ]
    table = tmp_path / "table.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)))
    begun = load(f"table:{table}").translate_batches([["one"], ["lacking"], ["two"]], "en", "de")
    assert [text for text, _ in next(begun)] == ["one"]
    with pytest.raises(MissingTranslationError, match="'lacking'") as error:
        next(begun)
    assert "--missing drop" in (error.value.hint or "")


def test_another_translator_on_a_node_is_refused(load: Load, program: Program) -> None:
    translator = load(program.spec)
    (program.folder / "program.py").write_text(PROGRAM + "# changed")
    with pytest.raises(TranslationError, match="'command' is another on node"):
        list(translator.translate(["good"], "en", "de"))


def test_texts_that_kill_every_process_are_an_error(load: Load, program: Program) -> None:
    translator = load(program.spec)
    begun = translator.translate_batches([["good"], ["bad", "poison"]], "en", "de")
    assert [text for text, _ in next(begun)] == ["doog"]
    with pytest.raises(TranslationError, match=f"{ATTEMPTS} processes .* the same 2 texts"):
        next(begun)
    assert program.seen() == {"de good": 1, "de bad": ATTEMPTS, "de poison": ATTEMPTS}


def test_a_node_that_dies_costs_only_the_batches_on_it(
    cluster: Any, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    texts = [f"text {n} " + "word " * chance.randint(0, 9) for n in range(TEXTS)]
    table = program.folder / "in.jsonl"
    rows = [{"id": str(n), "text": text, "lang": "en"} for n, text in enumerate(texts)]
    table.write_text("\n".join(map(json.dumps, rows)))
    doomed = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)

    def run(name: str, cache: str, progress: Acting | None = None, **more: Any) -> Counter[str]:
        monkeypatch.setenv("BABELIFT_CACHE", str(program.folder / cache))
        settings = {
            "input": str(table), "to": ("de", "ja"), "translator": program.spec,
            "out": program.folder / f"{name}.jsonl", "batch_tokens": BATCH_TOKENS, **more,
        }  # fmt: skip
        run_translate(TranslateConfig.from_mapping(settings), progress)
        return program.seen()

    expected = run("here", "here")
    assert set(expected.values()) == {1}
    program.together(NODES)
    hold = program.folder / "hold"

    def kill_node() -> None:
        hold.touch()  # so that every program has begun a batch
        cluster.remove_node(doomed, allow_graceful=False)
        cluster.wait_for_nodes()
        hold.unlink()

    kill = Acting(TEXTS // 2, kill_node)
    seen = run("there", "there", kill, on="ray")
    assert kill.left < 0
    assert sum(node["Alive"] for node in ray.nodes()) == NODES - 1

    assert digest(program.folder / "there.jsonl") == digest(program.folder / "here.jsonl")
    assert set(seen) == set(expected)
    sizes = [estimate_tokens(text) for text in texts]
    largest = max(map(len, cut_batches(texts, sizes, BATCH_TOKENS)))
    assert 0 < seen.total() - expected.total() <= IN_FLIGHT * largest
    with Memory() as memory:
        assert len(memory) == len(expected)
    assert run("again", "there") == {}
    assert digest(program.folder / "again.jsonl") == digest(program.folder / "here.jsonl")


def test_ray_is_named_where_it_is_not_installed(
    babelift: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "in.jsonl").write_text('{"text": "Good.", "lang": "en"}\n')
    job = ("in.jsonl", "--to", "de", "--translator", "mini-lexicon", "--out", "out.jsonl")
    done = babelift("translate", *job, "--on", "ray")
    assert done.code == 1
    assert "pip install 'babelift[ray]'" in done.err


def test_processes_on_a_cluster_need_a_cluster() -> None:
    with pytest.raises(ConfigError, match="only used with on 'ray'"):
        TranslateConfig.from_mapping({"workers": 4})


def test_the_library_translates_on_ray_as_the_command_does(cluster: Any, tmp_path: Path) -> None:
    rows = pl.DataFrame({"text": ["It is good.", "The coffee was hot."], "lang": ["en", "en"]})
    here = translate(rows, ["de", "es"], "mini")
    with Memory(tmp_path / "memory.sqlite") as memory:
        there = translate(rows, ["de", "es"], "mini", on="ray", workers=1, memory=memory)
    assert there.equals(here)


def test_an_open_translator_cannot_be_sent_to_ray(cluster: Any) -> None:
    rows = pl.DataFrame({"text": ["It is good."], "lang": ["en"]})
    with pytest.raises(ConfigError, match="cannot be sent to Ray"):
        translate(rows, "de", load_translator("mini"), on="ray")
    with pytest.raises(ConfigError, match="only used with on 'ray'"):
        translate(rows, "de", "mini", workers=2)
