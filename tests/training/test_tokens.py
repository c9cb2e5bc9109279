from typing import Any

import numpy as np
import pytest

from babelift.training.data import TokenCache, by_length
from babelift.training.scratch import train_tokenizer

TEXTS = ["a b c d e f", "a", "a b c", "漢字 と 仮名", ""]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(TEXTS)


def test_tokens_are_those_of_the_tokenizer(tokenizer):
    cache = TokenCache(tokenizer, TEXTS, 64)
    ids, mask = cache.batch(np.arange(len(TEXTS)))
    expected = tokenizer(TEXTS, padding=True, return_tensors="pt")
    assert ids.tolist() == expected["input_ids"].tolist()
    assert mask.tolist() == expected["attention_mask"].tolist()
    assert cache.truncated == 0


def test_a_batch_is_padded_to_its_own_longest_and_then_to_a_multiple_of_eight(tokenizer):
    cache = TokenCache(tokenizer, TEXTS, 64)
    ids, mask = cache.batch(np.array([1, 2]))
    assert mask.sum(1).max() == cache.lengths[2]
    assert ids.shape[1] == -(-cache.lengths[2] // 8) * 8
    longest = int(cache.lengths.max())
    whole, _ = TokenCache(tokenizer, TEXTS, longest).batch(np.arange(len(TEXTS)))
    assert whole.shape[1] == longest  # the model's limit


def test_long_texts_are_cut_and_counted(tokenizer):
    long = "a b c " * 20_000
    fits = TokenCache(tokenizer, TEXTS, 64).lengths.max()
    cache = TokenCache(tokenizer, [*TEXTS, long], int(fits))
    assert cache.truncated == 1
    ids, _ = cache.batch(np.array([len(TEXTS)]))
    assert ids[0].tolist() == tokenizer(long, truncation=True, max_length=fits)["input_ids"]
    assert ids[0, -1] == tokenizer.sep_token_id


def test_no_texts_make_no_tokens(tokenizer):
    assert TokenCache(tokenizer, [], 8).lengths.tolist() == []
    assert by_length(np.array([], dtype=np.int64), 4) == []


def test_batches_by_length_hold_every_row_once():
    lengths = np.array([5, 1, 9, 5, 3])
    batches = by_length(lengths, 2)
    assert [rows.tolist() for rows in batches] == [[2, 0], [3, 4], [1]]
