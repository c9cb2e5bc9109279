"""OTC's weights by score: what a score is, and that a pair's decides how much it counts."""

import numpy as np
import pytest
import torch

from babelift.config import Training
from babelift.errors import ConfigError
from babelift.training import learner, trainer
from babelift.training.losses import OTCLoss, pair_scores
from babelift.training.objective import Objective
from babelift.training.trainer import train_classifier


def unit(*angles: float) -> np.ndarray:
    """Vectors of length 1 in the plane, by their angles in degrees."""
    turned = np.radians(angles)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def test_a_score_is_what_a_pair_is_nearer_than_texts_of_different_pairs():
    # Cosines of pairs 1, .5 and 0; of different pairs cos 60, 90, 0, 30, 90, 30 degrees:
    # .5, 0, 1, .866, 0, .866, on average .539.
    scores = pair_scores(unit(0, 0, 90), unit(0, 60, 0))
    mean = (np.cos(np.radians([60, 0, 0, 0, 90, 30]))).sum() / 6
    expected = [1, max((0.5 - mean) / (1 - mean), 0), 0]
    assert scores.tolist() == pytest.approx(expected, abs=1e-6)


def test_it_lies_between_0_and_1_and_is_1_for_equal_texts_whatever_is_common_to_all():
    random = np.random.default_rng(0)
    drawn = random.normal(size=(2, 40, 8)).astype(np.float32)
    drawn[1, :20] = drawn[0, :20]
    for common in (0.0, 3.0):
        sides = drawn + common
        sides /= np.linalg.norm(sides, axis=2, keepdims=True)
        scores = pair_scores(*sides)
        assert scores[:20].tolist() == pytest.approx([1.0] * 20, abs=1e-4)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert scores[20:].mean() < 0.3


def test_one_pair_has_its_cosine_and_texts_that_are_all_alike_have_scores_too():
    assert pair_scores(unit(0), unit(60)).tolist() == pytest.approx([0.5])
    alike = pair_scores(unit(30, 30), unit(30, 30))
    assert ((alike >= 0) & (alike <= 1)).all()
    assert len(pair_scores(unit(), unit())) == 0


def test_otc_takes_the_weights_and_cross_entropy_does_not():
    random = torch.Generator().manual_seed(0)
    logits, vectors = torch.randn(6, 2, generator=random), torch.randn(6, 8, generator=random)
    labels, partners = torch.tensor([0, 1, 0, 0, 1, 0]), torch.tensor([0, 1, 2])
    weights = torch.tensor([1.0, 0.0, 0.5])
    found, equal = (
        Objective(Training(otc_by_score=True), 8)(
            logits, vectors, labels, partners, partners.tile(2), otc_weight=0.4,
            batch_labels=labels, pair_weights=part,
        )
        for part in (weights, None)
    )  # fmt: skip
    expected = OTCLoss()(vectors[:3], vectors[3:], weights=weights)
    assert found.otc.item() == pytest.approx(float(expected))
    assert found.otc.item() != pytest.approx(equal.otc.item())
    assert found.ce.item() == equal.ce.item()


@pytest.fixture
def scores_of(monkeypatch):
    """The weights that each update's pairs had, by row number, as they were given to OTC."""
    seen: list[dict[int, float]] = []
    real = learner.Learner._terms

    def terms(self, batch, part, *leaves, step):
        weights = self.pair_weights
        if weights is not None:
            seen.append({row: float(weights[row]) for row in part.translations.tolist()})
        return real(self, batch, part, *leaves, step=step)

    monkeypatch.setattr(learner.Learner, "_terms", terms)
    return seen


def test_what_is_translated_wrongly_weighs_less(
    tmp_path, rows_of, labels, quick, scores_of, monkeypatch
):
    # The encoder finds texts alike by their row's number; four are translations of another row.
    rows, wrong = rows_of(24, to=("de",)), [24 + number for number in (3, 8, 13, 20)]
    random = np.random.default_rng(1)
    made = random.normal(size=(24, 32)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    vectors = np.concatenate([made, made])
    vectors[wrong] = np.roll(vectors[wrong], 1, axis=0)

    def known(self, tokens):
        return vectors if len(tokens.lengths) == 48 else np.zeros((len(tokens.lengths), 32))

    said = []
    monkeypatch.setattr(learner.Learner, "vectors", known)
    settings = quick(otc_by_score=True, epochs=1)
    train_classifier(
        rows, None, settings, labels=labels, run_dir=tmp_path, pairs=rows.clear(), say=said.append
    )
    weights = {row: weight for update in scores_of for row, weight in update.items()}
    assert sorted(weights) == list(range(24, 48))
    assert all(weights[row] < 0.5 for row in wrong)
    assert all(weights[row] == pytest.approx(1, abs=1e-4) for row in weights if row not in wrong)
    (sentence,) = said
    assert sentence.startswith("OTC weighs 24 pairs by how alike")
    assert sentence.endswith("on average, 4 below 0.5.")


def test_scores_are_those_of_the_start_also_after_a_resume(
    tmp_path, rows_of, labels, quick, scores_of, killed_after
):
    def train(name):
        settings = quick(otc_by_score=True, steps=6, checkpoint_every=2)
        return train_classifier(rows_of(24), None, settings, labels=labels, run_dir=tmp_path / name)

    train("once")
    once = scores_of.copy()
    with killed_after(4):
        train("twice")
    assert train("twice").resumed_from == 4
    assert scores_of == [*once, *once]
    files = [tmp_path / name / "model" / "model.safetensors" for name in ("once", "twice")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_without_otc_or_pairs_nothing_is_scored(tmp_path, rows_of, labels, quick, monkeypatch):
    said = []
    train_classifier(
        rows_of(24, to=()),
        None,
        quick(otc_by_score=True, steps=2),
        labels=labels,
        run_dir=tmp_path / "alone",
        say=said.append,
    )
    assert said == ["OTC has no pairs to weigh by score."]
    monkeypatch.setattr(trainer, "_scores", None)
    settings = quick(otc=False, otc_by_score=True, steps=2)
    train_classifier(rows_of(24), None, settings, labels=labels, run_dir=tmp_path / "otc")


@pytest.mark.parametrize(
    "other", [{"otc_form": "kl"}, {"otc_form": "supcon"}, {"otc_pairs": "dropout"}]
)
def test_what_has_no_pair_of_texts_to_weigh_is_refused(other):
    with pytest.raises(ConfigError, match="'otc_by_score' weighs an original with its translation"):
        Training.from_mapping({"otc_by_score": True, **other})
