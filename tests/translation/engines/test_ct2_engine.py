"""The engine is fed ahead of its results, and in smaller steps when memory runs out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from babelift.config import Translating
from babelift.errors import ModelError, TranslationError
from babelift.progress import quiet
from babelift.translation.engines.ctranslate2 import (
    AHEAD,
    STEP_TOKENS,
    CT2Translator,
    Engine,
    load_published,
)
from babelift.translation.memory import Memory
from babelift.translation.segments import Lane, Tally, translate_texts
from tests.support import SENTENCES, tiny_m2m100

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
    translator: CT2Translator, tmp_path: Path, error: BaseException
) -> None:
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
