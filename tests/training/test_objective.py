import pytest
import torch
from torch.nn import functional

from babelift.config import Training
from babelift.errors import ConfigError
from babelift.training.losses import ConsistencyLoss, OTCLoss, SupConLoss
from babelift.training.objective import Objective, class_weights, pool

LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
VECTORS = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
GROUPS = torch.tensor([0, 1, 2, 0, 1, 2])
PARTNERS = torch.tensor([0, 1, 2])


def terms(settings: Training, weights: torch.Tensor | None = None, otc_weight: float = 0.4):
    objective = Objective(settings, 8, weights)
    return objective(
        LOGITS, VECTORS, LABELS, PARTNERS, GROUPS, otc_weight=otc_weight, batch_labels=LABELS
    )


def test_the_loss_is_cross_entropy_plus_weighted_otc():
    found = terms(Training())
    ce = functional.cross_entropy(LOGITS, LABELS)
    otc = OTCLoss()(VECTORS[:3], VECTORS[3:])
    assert found.loss.item() == pytest.approx(float(ce + 0.4 * otc))
    assert found.ce.item() == pytest.approx(float(ce))
    assert found.otc.item() == pytest.approx(float(otc))


def test_without_otc_it_is_measured_but_not_trained_on():
    found = terms(Training(otc=False))
    assert found.loss.item() == found.ce.item()
    assert found.otc.item() == pytest.approx(terms(Training()).otc.item())


def test_without_pairs_there_is_cross_entropy_alone():
    found = Objective(Training(), 8)(
        LOGITS, VECTORS, LABELS, PARTNERS[:0], GROUPS, otc_weight=0.4, batch_labels=LABELS
    )
    assert (found.otc, found.positive_cosine, found.retrieval_at_1) == (None, None, None)
    assert found.loss.item() == found.ce.item()


def test_smoothing_and_class_weights_are_those_of_torch():
    weights = torch.tensor([0.5, 2.0, 1.0])
    found = terms(Training(label_smoothing=0.1), weights)
    expected = functional.cross_entropy(LOGITS, LABELS, weight=weights, label_smoothing=0.1)
    assert found.ce.item() == pytest.approx(float(expected))


def test_retrieval_counts_originals_nearest_to_their_own_translation():
    vectors = torch.tensor([[1.0, 0], [0, 1], [1, 1], [1, 0.1], [1, 0.2], [1, 1]])
    found = Objective(Training(), 2)(
        LOGITS, vectors, LABELS, PARTNERS, GROUPS, otc_weight=0.4, batch_labels=LABELS
    )
    assert found.retrieval_at_1.item() == pytest.approx(2 / 3)
    cosines = [1 / 1.01**0.5, 0.2 / 1.04**0.5, 1]
    assert found.positive_cosine.item() == pytest.approx(sum(cosines) / 3)


def test_a_projection_is_trained_by_otc_alone():
    objective = Objective(Training(otc_projection=4), 8)
    assert objective.projection is not None
    objective(
        LOGITS, VECTORS, LABELS, PARTNERS, GROUPS, otc_weight=0.4, batch_labels=LABELS
    ).loss.backward()
    assert objective.projection.weight.grad is not None
    assert Objective(Training(otc_projection=4, otc=False), 8).projection is None


def test_class_weights_balance_classes():
    # Three rows of class 0, one of class 1: 4 / (2 * 3) and 4 / (2 * 1); class 2 has none.
    assert class_weights([0, 0, 0, 1], 3).tolist() == pytest.approx([2 / 3, 2.0, 1.0])
    assert class_weights([1], 2).tolist() == [1.0, 1.0]


def test_pooling_takes_the_first_token_or_the_mean_of_real_ones():
    hidden = torch.tensor([[[1.0, 2], [3, 4], [90, 90]], [[5, 6], [90, 90], [90, 90]]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert pool(hidden, mask, "cls").tolist() == [[1, 2], [5, 6]]
    assert pool(hidden, mask, "mean").tolist() == [[2, 3], [5, 6]]
    assert pool(hidden.bfloat16(), mask, "mean").dtype == torch.float32


def test_supervised_contrast_takes_every_row_once_and_second_views_in_place_of_translations():
    settings = Training(otc_form="supcon")
    assert float(terms(settings).otc) == pytest.approx(float(SupConLoss()(VECTORS, LABELS)))
    objective = Objective(settings, 8, None)
    # Two translations of the first original, none of the third.
    partners, groups = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2, 0, 0, 1])
    labels = torch.tensor([0, 1, 2, 0, 0, 1])
    arguments = (LOGITS, VECTORS, labels, partners, groups)
    about = {"otc_weight": 0.4, "batch_labels": labels}
    expected = float(SupConLoss()(VECTORS, labels))
    assert float(objective(*arguments, **about).otc) == pytest.approx(expected)
    views = (LOGITS[:3], VECTORS[3:].flip(0))
    expected = float(
        SupConLoss()(torch.cat([VECTORS[:3], views[1]]), torch.tensor([0, 1, 2]).tile(2))
    )
    assert float(objective(*arguments, **about, views=views).otc) == pytest.approx(expected)


@pytest.mark.parametrize("form", ["kl", "supcon"])
def test_a_temperature_that_a_form_cannot_learn_is_refused(form):
    with pytest.raises(ConfigError, match=f"needs the form 'infonce'. Got '{form}'"):
        Objective(Training(otc_form=form, learn_temperature=True), 8, None)


def test_on_predictions_the_two_sides_logits_are_compared():
    found = terms(Training(otc_form="kl"))
    assert found.otc.item() == pytest.approx(float(ConsistencyLoss()(LOGITS[:3], LOGITS[3:])))


@pytest.mark.parametrize(("form", "own"), [("infonce", VECTORS), ("kl", LOGITS)])
def test_second_views_take_the_place_of_translations_in_otc_but_not_in_what_is_watched(form, own):
    views = (LOGITS[:3] + 1, VECTORS[:3] + 1)
    settings = Training(otc_form=form)
    found = Objective(settings, 8)(
        LOGITS, VECTORS, LABELS, PARTNERS, GROUPS, otc_weight=0.4, batch_labels=LABELS, views=views
    )
    loss = ConsistencyLoss() if form == "kl" else OTCLoss()
    assert found.otc.item() == pytest.approx(float(loss(own[:3], own[:3] + 1)))
    assert found.retrieval_at_1.item() == terms(settings).retrieval_at_1.item()
