"""A pair's texts are mixed as vectors of words, and their label is learnt from the mixture."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from babelift.cluster.launched import make_accelerator
from babelift.config import Training
from babelift.errors import ConfigError, RunError
from babelift.training.data import prepare
from babelift.training.encoder import load_encoder
from babelift.training.learner import Learner, Plan
from babelift.training.objective import Objective
from babelift.training.sampler import Batch
from babelift.training.trainer import train_classifier

PAIRS = Batch(np.array([0, 1]), np.array([12, 13, 24]), np.array([0, 1, 1]))
"""r0, r1 of twelve English rows; r0@de, r1@de and (told to belong to r1) r0@ja."""


@pytest.fixture
def learner(rows_of, labels, quick, steady):
    def make(**changes) -> Learner:
        settings = quick(encoder=str(steady), **{"mixup": 1.0, **changes})
        encoder = load_encoder(str(steady), labels, seed=0)
        rows = prepare(rows_of(12), labels, encoder.tokenizer, max_length=32, what="training")
        plan = Plan(steps=10, learning_rate=1e-2, bf16=False, pooling="cls")
        objective = Objective(settings, 32)
        return Learner(make_accelerator(), encoder.model, objective, rows, settings, plan)

    return make


def test_a_mixture_is_of_word_vectors_place_by_place_as_long_as_the_longer_text(learner):
    made = learner()
    tokens = made._rows.tokens
    rows, others = np.array([0, 4]), np.array([16, 12])
    assert (tokens.lengths[rows] != tokens.lengths[others]).all()
    ids, mask = tokens.batch(np.concatenate([rows, others]))
    words = made._model.get_input_embeddings().weight.detach()
    seen = []
    made._model.register_forward_pre_hook(
        lambda _, args, named: seen.append(named), with_kwargs=True
    )
    made._encode_mixed(rows, others, np.array([0.25, 1.0], dtype=np.float32))
    (named,) = seen
    for text, place in ((0, 1), (0, 5)):
        expected = 0.25 * words[ids[0, place]] + 0.75 * words[ids[2, place]]
        torch.testing.assert_close(named["inputs_embeds"][text, place].detach(), expected)
    longest = max(tokens.lengths[0], tokens.lengths[16])
    assert int(named["attention_mask"][0].sum()) == longest
    # Beyond the shorter text there is the longer one's share alone, and no padding's vector.
    short, long, share = (2, 0, 0.25) if mask[0].sum() == longest else (0, 2, 0.75)
    last = longest - 1
    assert mask[short, last] == 0
    expected = share * words[ids[long, last]]
    torch.testing.assert_close(named["inputs_embeds"][0, last].detach(), expected)


def test_what_is_mixed_with_itself_is_read_as_it_is(learner):
    made = learner()
    made._model.train(False)
    rows = np.array([0, 4, 13, 25])
    plain = made._encode(made._rows.tokens, rows)
    mixed = made._encode_mixed(rows, rows, np.array([1, 0.3, 0.5, 0], dtype=np.float32))
    for one, two in zip(plain, mixed, strict=True):
        torch.testing.assert_close(one, two)


def test_shares_are_a_pairs_own_in_every_update_and_lie_between_the_two(learner):
    made = learner()
    rows, others, shares = made._texts(PAIRS, 3)
    assert rows.tolist() == [0, 1, 12, 13, 24, 12, 13, 24]
    assert others.tolist() == [0, 1, 12, 13, 24, 0, 1, 1]
    assert shares[:5].tolist() == [1] * 5
    assert ((shares[5:] > 0) & (shares[5:] < 1)).all()
    assert len(set(shares[5:].tolist())) == 3
    halves = [made._texts(PAIRS.shard(rank, 2), 3)[2] for rank in (0, 1)]
    assert np.concatenate([halves[0][2:], halves[1][3:]]).tolist() == shares[5:].tolist()
    assert (made._texts(PAIRS, 4)[2][5:] != shares[5:]).all()
    assert (learner(seed=1)._texts(PAIRS, 3)[2][5:] != shares[5:]).all()


def test_a_small_beta_mixes_little(learner):
    nearest = {}
    for alpha in (0.1, 20.0):
        made = learner(mixup=alpha)
        drawn = np.concatenate([made._texts(PAIRS, step)[2][5:] for step in range(200)])
        nearest[alpha] = float(np.minimum(drawn, 1 - drawn).mean())
        assert drawn.mean() == pytest.approx(0.5, abs=0.06)
    # The mean of min(x, 1 - x), by numeric integration.
    assert nearest[20.0] == pytest.approx(0.4373, abs=0.01)
    assert nearest[0.1] == pytest.approx(0.0584, abs=0.02)


def test_mixed_pairs_are_learnt_with_the_label_of_the_pair():
    random = torch.Generator().manual_seed(0)
    logits, vectors, mixed = (torch.randn(*shape, generator=random) for shape in
                              ((5, 2), (5, 8), (3, 2)))  # fmt: skip
    labels, partners = torch.tensor([0, 1, 0, 1, 1]), torch.tensor([0, 1, 1])
    weights = torch.tensor([0.5, 2.0])
    groups = torch.tensor([0, 1, 0, 1, 1])
    arguments = (logits, vectors, labels, partners, groups)
    named = {"otc_weight": 0.4, "batch_labels": labels}
    for weight in (None, weights):
        objective = Objective(Training(mixup=1.0), 8, weight)
        bare, found = (objective(*arguments, **named, mixed=part) for part in (None, mixed))
        expected = functional.cross_entropy(mixed, labels[2:], weight=weight)
        assert found.mixed.item() == pytest.approx(float(expected))
        assert found.loss.item() == pytest.approx(bare.loss.item() + float(expected))
        assert bare.mixed is None
    alone = objective(*arguments[:3], partners[:0], groups, **named, mixed=mixed[:0])
    assert (alone.mixed, alone.loss.item()) == (None, alone.ce.item())


def test_a_training_with_mixed_pairs_learns_and_logs_them(tmp_path, rows_of, labels, quick):
    settings = quick(mixup=1.0, otc_pairs="dropout", epochs=12)
    train_classifier(rows_of(24), None, settings, labels=labels, run_dir=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    for line in lines:
        total = line["ce"] + line["mixed"] + 0.4 * line["otc"]
        assert line["loss"] == pytest.approx(total, rel=1e-5)
    assert lines[-1]["mixed"] < lines[0]["mixed"] / 2


def test_shuffled_pairs_are_not_mixed():
    with pytest.raises(ConfigError, match="'mixup' mixes texts of one label"):
        Training.from_mapping({"mixup": 1.0, "otc_pairs": "shuffled"})


def test_a_folder_of_a_training_without_is_not_gone_on_in(tmp_path, rows_of, labels, quick):
    arguments = {"labels": labels, "run_dir": tmp_path}
    train_classifier(rows_of(24), None, quick(steps=1), **arguments)
    with pytest.raises(RunError, match=r"another training \(mixup: None there, 1.0 now\)"):
        train_classifier(rows_of(24), None, quick(steps=1, mixup=1.0), **arguments)
