"""Batches keep to the budget, longest first, and go on after a stop as they would have gone on."""

from hypothesis import given, settings
from hypothesis import strategies as st

from babelift.testing import FunctionTranslator
from babelift.translation.segments import (
    MAX_TOKENS,
    counter,
    cut_batches,
    estimate_tokens,
    limit_of,
)

SEGMENTS = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 30), max_size=40)


@settings(deadline=None)
@given(sizes=SEGMENTS, budget=st.integers(1, 60))
def test_every_segment_is_in_one_batch_within_the_budget(
    sizes: dict[str, int], budget: int
) -> None:
    batches = list(cut_batches(list(sizes), list(sizes.values()), budget))
    assert sorted(text for batch in batches for text in batch) == sorted(sizes)
    for batch in batches:
        padded = max(sizes[text] for text in batch) * len(batch)
        assert len(batch) == 1 or padded <= budget
    longest = [sizes[text] for batch in batches for text in batch]
    assert longest == sorted(longest, reverse=True)


@settings(deadline=None)
@given(sizes=SEGMENTS, budget=st.integers(1, 60), done=st.integers(0, 10))
def test_what_remains_is_cut_as_before(sizes: dict[str, int], budget: int, done: int) -> None:
    batches = list(cut_batches(list(sizes), list(sizes.values()), budget))
    left = {text: sizes[text] for batch in batches[done:] for text in batch}
    assert list(cut_batches(list(left), list(left.values()), budget)) == batches[done:]


def test_estimates_count_a_token_for_each_chinese_character() -> None:
    assert estimate_tokens("你好世界") == 4
    assert estimate_tokens("hello world") == 4
    assert estimate_tokens("") == 0
    assert estimate_tokens("価格 is 5") == 2 + 2


def test_a_translator_that_can_count_is_asked() -> None:
    class Counting(FunctionTranslator):
        max_input_tokens = 9

        def count_tokens(self, texts: list[str], source_lang: str, target_lang: str) -> list[int]:
            return [len(text) + len(source_lang + target_lang) for text in texts]

    translator = Counting(lambda text, *_: text)
    assert counter(translator, "de", "ja")(["a", "bb"]) == [5, 6]
    assert limit_of(translator) == 9
    assert limit_of(FunctionTranslator(lambda text, *_: text)) == MAX_TOKENS
