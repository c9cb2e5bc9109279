from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from babelift.errors import ConfigError, DataError
from babelift.training.sampler import Batch, PairSampler, parse_ratio

RATIOS = [(1, 1), (1, 2), (1, 5), (2, 1), (1, 3), (2, 3)]


def corpus(targets_of: list[int]) -> tuple[list[int], list[int]]:
    """Originals 0, 1, ..., and for each as many translations as it has targets."""
    original_of = list(range(len(targets_of)))
    targets = [-1] * len(targets_of)
    for original, count in enumerate(targets_of):
        original_of += [original] * count
        targets += range(count)
    return original_of, targets


@st.composite
def samplers(draw: st.DrawFn, least: int = 0) -> tuple[PairSampler, list[int], list[int]]:
    targets_of = draw(st.lists(st.integers(least, 5), min_size=1, max_size=40))
    original_of, targets = corpus(targets_of)
    lengths = draw(st.sampled_from([None, [7 * row % 11 for row in range(len(targets))]]))
    sampler = PairSampler(
        original_of,
        targets,
        ratio=draw(st.sampled_from(RATIOS)),
        batch_size=draw(st.integers(2, 40)),
        seed=draw(st.integers(0, 3)),
        lengths=lengths,
        by_pair=draw(st.booleans()),
        window=draw(st.integers(1, 4)),
    )
    return sampler, original_of, targets


def epoch_of(sampler: PairSampler, epoch: int) -> list[Batch]:
    return [sampler.batch(epoch, step) for step in range(sampler.steps_per_epoch)]


properties = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)


@properties
@given(samplers(), st.integers(0, 9))
def test_the_ratio_is_exact_in_every_batch_that_has_an_original_with_a_translation(made, epoch):
    sampler, original_of, _ = made
    a, b = sampler.ratio
    paired = set(original_of[len(sampler.originals) :])
    for batch in epoch_of(sampler, epoch):
        if paired & set(batch.originals.tolist()):
            assert len(batch.translations) * a == len(batch.originals) * b
        else:
            assert len(batch.translations) == 0
        assert len(batch.originals) % a == 0


@properties
@given(samplers(), st.integers(0, 9))
def test_batches_are_at_most_twice_as_large_as_asked_and_all_hold_a_pair_where_that_is_enough(
    made, epoch
):
    sampler, original_of, _ = made
    batches = epoch_of(sampler, epoch)
    a = sampler.ratio[0]
    assert max(len(batch.originals) for batch in batches) == sampler.batch_originals
    paired = len(set(original_of[len(sampler.originals) :]))
    without = sum(not len(batch.partners) for batch in batches)
    if paired == len(sampler.originals):
        assert without == 0
    # One pair in each batch that holds any is the least that they are dealt out in.
    assert without <= len(batches) - min(paired, 1)
    if sampler.batch_originals > a and paired * sampler.least_originals >= len(sampler.originals):
        assert without == 0


@properties
@given(samplers(), st.integers(0, 9))
def test_a_translation_stands_with_its_original(made, epoch):
    sampler, original_of, _ = made
    for batch in epoch_of(sampler, epoch):
        for row, partner in zip(batch.translations, batch.partners, strict=True):
            assert original_of[row] == batch.originals[partner]


@properties
@given(samplers(), st.integers(0, 9))
def test_every_original_is_seen_once_an_epoch_but_for_those_that_fill_the_last_unit(made, epoch):
    sampler, _, _ = made
    seen = Counter(int(row) for batch in epoch_of(sampler, epoch) for row in batch.originals)
    assert set(seen) == set(sampler.originals.tolist())
    surplus = -len(sampler.originals) % sampler.ratio[0]
    assert seen.total() == len(sampler.originals) + surplus


@properties
@given(samplers(), st.integers(0, 9))
def test_a_batch_depends_on_seed_epoch_and_step_alone(made, epoch):
    sampler, _, _ = made
    steps = range(sampler.steps_per_epoch)
    forwards = [sampler.batch(epoch, step) for step in steps]
    sampler.batch(epoch + 1, 0)
    backwards = [sampler.batch(epoch, step) for step in reversed(steps)][::-1]
    for one, two in zip(forwards, backwards, strict=True):
        assert one.rows.tolist() == two.rows.tolist()
        assert one.partners.tolist() == two.partners.tolist()


@properties
@given(samplers(), st.integers(0, 9))
def test_translations_of_one_original_go_to_different_targets_where_it_has_that_many(made, epoch):
    sampler, original_of, targets = made
    has = Counter(
        original for row, original in enumerate(original_of) if row >= len(sampler.originals)
    )
    for batch in epoch_of(sampler, epoch):
        for place, original in enumerate(batch.originals.tolist()):
            langs = [targets[row] for row in batch.translations[batch.partners == place]]
            assert len(set(langs)) == min(len(langs), has[original])


@properties
@given(samplers(), st.integers(0, 9))
def test_every_row_that_an_epoch_takes_again_is_counted_once(made, epoch):
    sampler, _, _ = made
    batches = epoch_of(sampler, epoch)
    taken = Counter(int(row) for batch in batches for row in batch.rows)
    assert sum(batch.recycled for batch in batches) == taken.total() - len(taken)
    assert batches[0].recycled == len(batches[0].rows) - len(set(batches[0].rows.tolist()))


@properties
@given(samplers(least=1), st.sampled_from([1, 2, 3]))
def test_with_all_paired_translations_take_turns_evenly(made, rounds):
    sampler, original_of, _ = made
    a, b = sampler.ratio
    has = Counter(original_of[len(sampler.originals) :])
    assume(len(sampler.originals) % a == 0 and min(has.values()) >= -(-b // a))
    seen: Counter[int] = Counter()
    for epoch in range(5 * rounds):
        for batch in epoch_of(sampler, epoch):
            seen.update(batch.translations.tolist())
    for original in sampler.originals.tolist():
        rows = [
            row
            for row in range(len(sampler.originals), len(original_of))
            if original_of[row] == original
        ]
        counts = [seen[row] for row in rows]
        assert max(counts) - min(counts) <= 1


@properties
@given(samplers(), st.integers(0, 5), st.integers(1, 5))
def test_shards_keep_pairs_together_and_make_up_the_batch(made, epoch, world_size):
    sampler, original_of, _ = made
    batch = sampler.batch(epoch, 0)
    parts = [batch.shard(rank, world_size) for rank in range(world_size)]
    assert np.concatenate([part.originals for part in parts]).tolist() == batch.originals.tolist()
    whole = sorted(row for part in parts for row in part.translations.tolist())
    assert whole == sorted(batch.translations.tolist())
    assert sum(part.recycled for part in parts) == batch.recycled
    for part in parts:
        for row, partner in zip(part.translations, part.partners, strict=True):
            assert original_of[row] == part.originals[partner]


@properties
@given(samplers(least=1), st.integers(0, 5))
def test_windows_of_like_length_do_not_change_which_rows_are_paired(made, epoch):
    sampler, original_of, targets = made
    assume(sampler._lengths is not None)
    plain = PairSampler(
        original_of,
        targets,
        ratio=sampler.ratio,
        batch_size=2 * sampler.batch_originals,
        seed=sampler.seed,
    )
    a, b = sampler.ratio
    has = Counter(original_of[len(sampler.originals) :])
    assume(len(sampler.originals) % a == 0 and min(has.values()) >= -(-b // a))
    rows = [
        sorted(row for batch in epoch_of(each, epoch) for row in batch.translations.tolist())
        for each in (sampler, plain)
    ]
    assert rows[0] == rows[1]


@properties
@given(samplers(least=1), st.integers(0, 5))
def test_an_arm_without_translations_sees_the_same_originals_in_the_same_order(made, epoch):
    sampler, _, _ = made
    assume(not sampler._by_pair)
    a, b = sampler.ratio
    count = len(sampler.originals)
    alone = PairSampler(
        list(range(count)),
        [-1] * count,
        ratio=(a, b),
        batch_size=max((a + b) * sampler.batch_originals // a, 2),
        seed=sampler.seed,
        lengths=None if sampler._lengths is None else sampler._lengths[:count],
        window=sampler._window,
    )
    assume(alone.steps_per_epoch == sampler.steps_per_epoch)
    for one, two in zip(epoch_of(sampler, epoch), epoch_of(alone, epoch), strict=True):
        assert one.originals.tolist() == two.originals.tolist()
        assert len(two.translations) == len(two.partners) == 0


def test_with_five_targets_each_is_seen_once_in_five_epochs():
    sampler = PairSampler(*corpus([5] * 20), ratio=(1, 1), batch_size=8, seed=3)
    seen: Counter[int] = Counter()
    for epoch in range(5):
        for batch in epoch_of(sampler, epoch):
            seen.update(batch.translations.tolist())
    assert sorted(seen) == list(range(20, 120))
    assert set(seen.values()) == {1}


def test_half_of_the_originals_take_turns_at_two_to_one():
    sampler = PairSampler(*corpus([1] * 12), ratio=(2, 1), batch_size=6)
    first, second = (
        {int(row) for batch in epoch_of(sampler, epoch) for row in batch.translations}
        for epoch in (0, 1)
    )
    assert len(first) == len(second) == 6
    assert first | second == set(range(12, 24))


@pytest.mark.parametrize(
    ("ratio", "batch_size", "originals", "translations"),
    [
        ((1, 1), 32, 16, 16),
        ((1, 5), 32, 5, 25),
        ((2, 1), 32, 20, 10),
        ((1, 3), 32, 8, 24),
        ((1, 5), 4, 1, 5),
        ((3, 1), 2, 3, 1),
    ],
)
def test_the_batch_is_as_large_as_asked_for(ratio, batch_size, originals, translations):
    sampler = PairSampler(*corpus([5] * 240), ratio=ratio, batch_size=batch_size)
    batch = sampler.batch(0, 0)
    assert len(batch.originals) == sampler.batch_originals == originals
    assert len(batch.translations) == sampler.batch_translations == translations


def test_no_batch_is_left_tiny():
    sampler = PairSampler(*corpus([1] * 33), ratio=(1, 1), batch_size=32)
    assert [len(batch.originals) for batch in epoch_of(sampler, 0)] == [11, 11, 11]


def test_originals_without_a_translation_are_spread_evenly_and_counted():
    sampler = PairSampler(*corpus([0, 2, 2, 2] * 10), ratio=(1, 1), batch_size=16)
    assert sampler.unpaired == 10
    lone = set(range(0, 40, 4))
    for batch in epoch_of(sampler, 0):
        assert len(lone & set(batch.originals.tolist())) == 2
        assert batch.recycled == 0


def test_a_translation_is_repeated_only_where_all_are_used_up():
    sampler = PairSampler(*corpus([0, 1]), ratio=(1, 1), batch_size=4)
    batch = sampler.batch(0, 0)
    assert batch.translations.tolist() == [2, 2]
    assert batch.recycled == 1


def test_batches_grow_rather_than_lack_a_pair():
    sampler = PairSampler(*corpus([1, 2] * 5), ratio=(1, 1), batch_size=2)
    assert sampler.batch_originals == 1
    sampler = PairSampler(*corpus([0, 2] * 5), ratio=(1, 1), batch_size=2)
    assert sampler.batch_originals == 2


def test_two_translations_into_one_target_do_not_stand_for_two_targets():
    original_of, targets = [0, 0, 0, 0, 0], [-1, 0, 0, 0, 1]
    sampler = PairSampler(original_of, targets, ratio=(1, 2), batch_size=3)
    for epoch in range(12):
        assert {targets[row] for row in sampler.batch(epoch, 0).translations} == {0, 1}


def test_a_pair_that_is_taken_again_in_a_later_batch_counts_for_both_of_its_rows():
    # Two originals in a unit: three take four places, so that one and its translation stand in.
    sampler = PairSampler(*corpus([1, 1, 1]), ratio=(2, 2), batch_size=4)
    first, second = epoch_of(sampler, 0)
    again = set(first.rows.tolist()) & set(second.rows.tolist())
    original = min(again)
    assert again == {original, original + 3}
    assert (first.recycled, second.recycled) == (0, 2)
    assert sampler.batch(0, 1).recycled == 2


def test_a_pair_that_is_taken_twice_in_one_batch_counts_too():
    sampler = PairSampler(*corpus([1]), ratio=(2, 2), batch_size=4)
    batch = sampler.batch(0, 0)
    assert batch.rows.tolist() == [0, 0, 1, 1]
    assert batch.recycled == 2


def test_forty_of_forty_one_originals_with_a_translation_train_with_any_batch_size():
    for size in range(2, 84):
        sampler = PairSampler(*corpus([0, *[1] * 40]), batch_size=size)
        batches = epoch_of(sampler, 0)
        assert max(len(batch.rows) for batch in batches) <= 2 * size
        without = [batch.originals.tolist() for batch in batches if not len(batch.partners)]
        assert without == ([[0]] if size < 4 else [])


def test_one_pair_among_twenty_originals_is_no_reason_for_larger_batches():
    sampler = PairSampler(*corpus([1, *[0] * 19]), batch_size=4)
    batches = epoch_of(sampler, 0)
    assert [len(batch.originals) for batch in batches] == [2] * 10
    (paired,) = (batch for batch in batches if len(batch.partners))
    assert paired.translations.tolist() == [20, 20]
    assert paired.recycled == 1


def test_hostile_rows_are_refused():
    with pytest.raises(DataError, match="no original"):
        PairSampler([], [])
    with pytest.raises(DataError, match="itself a translation"):
        PairSampler([0, 0, 1], [0, 1, 2])
    with pytest.raises(DataError, match="does not exist"):
        PairSampler([0, 9], [0, 1])
    with pytest.raises(ConfigError, match="at least 2"):
        PairSampler([0], [0], batch_size=1)
    with pytest.raises(ConfigError, match="ratio 'one:1'"):
        parse_ratio("one:1")
    with pytest.raises(IndexError, match="1 steps"):
        PairSampler([0], [0]).batch(0, 1)


def test_rows_become_pairs_through_original_id(rows_of):
    rows = rows_of(6).sample(fraction=1, shuffle=True, seed=1)
    sampler = PairSampler.from_rows(rows, batch_size=6, window=2)
    for batch in epoch_of(sampler, 0):
        names = rows["original_id"].to_list()
        for row, partner in zip(batch.translations, batch.partners, strict=True):
            assert names[row] == rows["id"][int(batch.originals[partner])]


def test_a_translation_without_its_original_is_named(rows_of):
    rows = rows_of(3).filter(pl.col("id") != "r1")
    with pytest.raises(DataError, match=r"'r1@de' is a translation of 'r1'.*\(2 such rows\)"):
        PairSampler.from_rows(rows)


def test_a_row_that_occurs_twice_is_named(rows_of):
    rows = rows_of(3)
    with pytest.raises(DataError, match="'r0' occurs more than once"):
        PairSampler.from_rows(pl.concat([rows, rows.head(1)]))


def test_like_lengths_share_a_batch():
    lengths = [1, 100] * 32 + [1] * 64
    original_of, targets = corpus([1] * 64)
    bucketed, plain = (
        PairSampler(original_of, targets, batch_size=16, lengths=each, window=4)
        for each in (lengths, None)
    )

    def padding(sampler: PairSampler) -> int:
        longest = [max(lengths[row] for row in batch.originals) for batch in epoch_of(sampler, 0)]
        return sum(longest)

    assert padding(bucketed) < padding(plain)


def test_pairs_of_like_length_share_a_batch_whichever_of_the_two_is_long():
    # Originals 0 and 1 are long, and so are the translations of 2 and 3.
    lengths = np.repeat([9, 1, 1, 9, 1], [2, 6, 2, 2, 4])
    original_of, targets = corpus([1] * 8)

    def long(by_pair: bool, epoch: int) -> list[Batch]:
        sampler = PairSampler(
            original_of, targets, batch_size=4, lengths=lengths, by_pair=by_pair, window=4
        )
        return [batch for batch in epoch_of(sampler, epoch) if lengths[batch.rows].max() > 1]

    for epoch in range(4):
        originals = [batch.originals for batch in long(True, epoch)]
        assert [len(part) for part in originals] == [2, 2]
        assert sorted(np.concatenate(originals)) == [0, 1, 2, 3]
    assert sum(len(long(False, epoch)) for epoch in range(4)) > 8


def test_a_pair_is_as_long_as_the_translation_that_its_epoch_takes():
    # Of eight originals half are long in one target, half in the other.
    original_of, targets = corpus([2] * 8)
    lengths = np.array([1] * 8 + [9 if (n // 2 < 4) == (n % 2 == 0) else 1 for n in range(16)])
    sampler = PairSampler(
        original_of, targets, batch_size=4, lengths=lengths, by_pair=True, window=4
    )
    for epoch in range(4):
        batches = epoch_of(sampler, epoch)
        taken = sum(int(lengths[row]) > 1 for batch in batches for row in batch.translations)
        # As few batches are long as can hold those that are.
        assert sum(lengths[batch.rows].max() > 1 for batch in batches) == -(-taken // 2)


def test_rows_with_lengths_of_their_own_go_by_pair(rows_of):
    rows = rows_of(6)
    lengths = np.arange(rows.height)
    one = PairSampler.from_rows(rows, batch_size=4, window=4, lengths=lengths)
    index = {name: number for number, name in enumerate(rows["id"])}
    two = PairSampler(
        [index[name] for name in rows["original_id"]],
        [sorted(set(rows["lang"])).index(lang) for lang in rows["lang"]],
        batch_size=4,
        lengths=lengths,
        by_pair=True,
        window=4,
    )
    for first, second in zip(epoch_of(one, 1), epoch_of(two, 1), strict=True):
        assert first.rows.tolist() == second.rows.tolist()
