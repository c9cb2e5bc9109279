import math

import pytest
import torch
from torch.nn import functional

from babelift.errors import ConfigError
from babelift.training.losses import ConsistencyLoss, OTCLoss, SupConLoss

EXP, LOG = math.exp, math.log

# Two pairs: u1·v1 = 1, u1·v2 = 0.6, u2·v1 = 0, u2·v2 = 0.8.
U2 = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
V2 = torch.tensor([[1.0, 0.0], [0.6, 0.8]])

# Three pairs: u_i·v_j = [[1, 0, 0], [0, 0.6, 0.8], [0, 0.8, 0.6]].
U3 = torch.eye(3)
V3 = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8], [0.0, 0.8, 0.6]])


def value(loss: OTCLoss, *args: torch.Tensor, **named: torch.Tensor) -> float:
    return float(loss(*args, **named))


def test_two_pairs_by_hand():
    # At temperature 0.5 the scores are [[2, 1.2], [0, 1.6]].
    # Rows: -2 + log(e^2 + e^1.2) = log(1 + e^-0.8), -1.6 + log(1 + e^1.6) = log(1 + e^-1.6)
    # Columns: -2 + log(e^2 + 1) = log(1 + e^-2), -1.6 + log(e^1.2 + e^1.6) = log(1 + e^-0.4)
    rows = (LOG(1 + EXP(-0.8)) + LOG(1 + EXP(-1.6))) / 2
    columns = (LOG(1 + EXP(-2)) + LOG(1 + EXP(-0.4))) / 2
    assert value(OTCLoss(0.5), U2, V2) == pytest.approx((rows + columns) / 2, abs=1e-6)
    assert value(OTCLoss(0.5, one_way=True), U2, V2) == pytest.approx(rows, abs=1e-6)


def test_three_pairs_by_hand():
    # Row 1: -1 + log(e + 1 + 1). Rows 2 and 3: -0.6 + log(1 + e^0.6 + e^0.8). Columns as rows.
    expected = (-1 + LOG(EXP(1) + 2) + 2 * (-0.6 + LOG(1 + EXP(0.6) + EXP(0.8)))) / 3
    assert value(OTCLoss(1.0), U3, V3) == pytest.approx(expected, abs=1e-6)


def test_length_of_the_vectors_does_not_matter():
    scaled = U3 * torch.tensor([[3.0], [0.1], [20.0]])
    assert value(OTCLoss(0.07), scaled, V3) == pytest.approx(value(OTCLoss(0.07), U3, V3))


def test_pairs_of_one_group_are_never_negatives_of_each_other():
    # Pairs 1 and 2 are the same item, so s_12 and s_21 leave the sums.
    # Row 1: -1 + log(e + 1). Row 2: -0.6 + log(e^0.6 + e^0.8).
    # Row 3: -0.6 + log(1 + e^0.8 + e^0.6). Columns as rows.
    groups = torch.tensor([7, 7, 3])
    rows = [
        -1 + LOG(EXP(1) + 1),
        -0.6 + LOG(EXP(0.6) + EXP(0.8)),
        -0.6 + LOG(1 + EXP(0.8) + EXP(0.6)),
    ]
    assert value(OTCLoss(1.0), U3, V3, groups) == pytest.approx(sum(rows) / 3, abs=1e-6)


def test_the_gradient_ignores_pairs_of_one_group():
    vectors = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = OTCLoss(0.2)
    other = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    loss(vectors, other, torch.tensor([5, 5, 5])).backward()
    assert vectors.grad is not None
    assert torch.count_nonzero(vectors.grad) == 0


def test_same_label_pairs_can_be_masked():
    # Pairs 2 and 3 share a label. Row 1: -1 + log(e + 2). Rows 2, 3: -0.6 + log(1 + e^0.6).
    labels = torch.tensor([0, 1, 1])
    expected = (-1 + LOG(EXP(1) + 2) + 2 * (-0.6 + LOG(1 + EXP(0.6)))) / 3
    loss = OTCLoss(1.0, same_label="masked")
    assert value(loss, U3, V3, labels=labels) == pytest.approx(expected, abs=1e-6)


def test_same_label_pairs_can_be_positives():
    # Rows 2 and 3 have two positives, 0.6 and 0.8, mean 0.7, over log(1 + e^0.6 + e^0.8).
    labels = torch.tensor([0, 1, 1])
    expected = (-1 + LOG(EXP(1) + 2) + 2 * (-0.7 + LOG(1 + EXP(0.6) + EXP(0.8)))) / 3
    loss = OTCLoss(1.0, same_label="positives")
    assert value(loss, U3, V3, labels=labels) == pytest.approx(expected, abs=1e-6)


def test_forms_without_negatives_by_hand():
    # Cosines of the pairs are 1, 0.6 and 0.6: mean of 0, 0.4, 0.4.
    assert value(OTCLoss(form="cosine"), U3, V3) == pytest.approx(0.8 / 3, abs=1e-6)
    # Differences (0, 0, 0), (0, 0.4, -0.8), (0, -0.8, 0.4); squares sum to 0, 0.8, 0.8 over 3 dims.
    assert value(OTCLoss(form="mse"), U3, V3) == pytest.approx((0.8 / 3 + 0.8 / 3) / 3, abs=1e-6)


def test_weights_make_a_weighted_mean():
    # Per pair, rows and columns agree: log(e + 2) - 1 and log(1 + e^0.6 + e^0.8) - 0.6.
    one, two = LOG(EXP(1) + 2) - 1, LOG(1 + EXP(0.6) + EXP(0.8)) - 0.6
    weights = torch.tensor([1.0, 3.0, 0.0])
    assert value(OTCLoss(1.0), U3, V3, weights=weights) == pytest.approx((one + 3 * two) / 4)
    assert value(OTCLoss(1.0), U3, V3, weights=torch.zeros(3)) == 0


@pytest.mark.parametrize("same_label", ["negatives", "masked", "positives"])
@pytest.mark.parametrize("form", ["infonce", "cosine", "mse"])
def test_the_gradient_is_that_of_finite_differences(form, same_label):
    random = torch.Generator().manual_seed(0)
    u, v = (torch.randn(5, 3, dtype=torch.float64, generator=random).requires_grad_() for _ in "uv")
    groups, labels = torch.tensor([0, 0, 1, 2, 3]), torch.tensor([0, 0, 1, 0, 1])
    weights = torch.tensor([1.0, 0.5, 2.0, 1.0, 0.0], dtype=torch.float64)
    loss = OTCLoss(0.3, form=form, same_label=same_label)
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, groups, labels, weights), (u, v))


def test_both_directions_weigh_the_same():
    u, v = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(2))
    assert value(OTCLoss(), u, v) == pytest.approx(value(OTCLoss(), v, u))
    assert value(OTCLoss(one_way=True), u, v) != pytest.approx(value(OTCLoss(one_way=True), v, u))


def test_the_order_of_pairs_does_not_matter():
    u, v = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(3))
    groups, labels = torch.tensor([0, 1, 1, 2, 3, 4]), torch.tensor([0, 1, 1, 0, 1, 0])
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    for same_label in ("negatives", "masked", "positives"):
        loss = OTCLoss(same_label=same_label)
        assert value(loss, u, v, groups, labels) == pytest.approx(
            value(loss, u[order], v[order], groups[order], labels[order]), rel=1e-5
        )


@pytest.mark.parametrize("pairs", [16, 64])
def test_unrelated_vectors_give_about_the_logarithm_of_the_number_of_pairs(pairs):
    u, v = torch.randn(2, pairs, 4096, generator=torch.Generator().manual_seed(4))
    assert value(OTCLoss(0.5), u, v) == pytest.approx(LOG(pairs), abs=0.02)
    same = torch.ones(pairs, 8)
    assert value(OTCLoss(), same, same) == pytest.approx(LOG(pairs), abs=1e-5)


def test_one_pair_or_none_is_nothing():
    assert value(OTCLoss(), torch.randn(1, 4), torch.randn(1, 4)) == 0
    assert value(OTCLoss(), torch.empty(0, 4), torch.empty(0, 4)) == 0


def test_maths_is_float32_inside_autocast():
    u, v = torch.randn(2, 32, 64, generator=torch.Generator().manual_seed(5))
    outside = OTCLoss()(u, v)
    with torch.autocast("cpu", torch.bfloat16):
        inside = OTCLoss()(u, v)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, outside)
    assert OTCLoss()(u.bfloat16(), v.bfloat16()).dtype == torch.float32


def test_a_learnt_temperature_moves_and_stays_within_bounds():
    loss = OTCLoss(0.07, learn_temperature=True)
    optimizer = torch.optim.SGD(loss.parameters(), lr=1000.0)
    loss(U3, V3.flip(0)).backward()
    optimizer.step()
    assert loss.temperature.item() > 0.5
    loss(U3, V3)
    assert loss.temperature.item() == 0.5
    assert not list(OTCLoss().parameters())


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match=r"'form' of OTC must be one of infonce.*Got 'triplet'"):
        OTCLoss(form="triplet")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="above 0"):
        OTCLoss(0.0)
    with pytest.raises(ConfigError, match="learnt temperature"):
        OTCLoss(learn_temperature=True, form="cosine")
    with pytest.raises(ConfigError, match=r"between 0\.001 and 0\.5"):
        OTCLoss(0.7, learn_temperature=True)
    with pytest.raises(ValueError, match=r"must both be \(pairs, dim\)"):
        OTCLoss()(torch.randn(2, 3), torch.randn(3, 3))
    with pytest.raises(ConfigError, match="above 0"):
        SupConLoss(0.0)
    with pytest.raises(ValueError, match="needs labels"):
        OTCLoss(same_label="masked")(U3, V3)


def test_supervised_contrast_by_hand():
    # Rows u1, u2, v1, v2 with cosines u1·v1 = 1, u1·v2 = .6, u2·v2 = .8, v1·v2 = .6, else 0. All of
    # one label but u2, which therefore has no positive and is no anchor.
    # u1: positives v1 and v2, against 0 (u2), 1, .6; v1 the same; v2: .6, .6 against .8 too.
    rows, labels = torch.cat([U2, V2]), torch.tensor([0, 1, 0, 0])
    first = LOG(1 + EXP(1) + EXP(0.6)) - (1 + 0.6) / 2
    last = LOG(2 * EXP(0.6) + EXP(0.8)) - 0.6
    assert float(SupConLoss(1.0)(rows, labels)) == pytest.approx((2 * first + last) / 3, abs=1e-6)
    assert float(SupConLoss(1.0)(rows, torch.arange(4))) == 0


def supcon(rows, labels, temperature):
    """Equation 2 of Khosla et al. 2020, term by term."""
    unit = [row / row.norm() for row in rows]
    total, anchors = torch.zeros((), dtype=rows.dtype), 0
    for i, anchor in enumerate(unit):
        others = [j for j in range(len(unit)) if j != i]
        positives = [j for j in others if labels[j] == labels[i]]
        if positives:
            below = sum(torch.exp(anchor @ unit[j] / temperature) for j in others)
            shares = [torch.exp(anchor @ unit[j] / temperature) / below for j in positives]
            total = total - sum(map(torch.log, shares)) / len(positives)
            anchors += 1
    return total / max(anchors, 1)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_supervised_contrast_is_that_of_its_paper_with_its_gradient(temperature):
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(9, 4, dtype=torch.float64, generator=random)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 0, 3])
    ours, theirs = (rows.clone().requires_grad_() for _ in range(2))
    loss, expected = SupConLoss(temperature)(ours, labels), supcon(theirs, labels, temperature)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert torch.autograd.gradcheck(lambda z: SupConLoss(temperature)(z, labels), ours)


def test_rows_of_one_item_with_other_labels_are_no_negatives():
    rows = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    labels, groups = torch.tensor([0, 0, 1, 1]), torch.tensor([7, 8, 7, 9])
    # Rows 0 and 2 are one item: row 2 leaves the sum of row 0, and row 0 that of row 2.
    unit = rows / rows.norm(dim=1, keepdim=True)
    s = (unit @ unit.T).tolist()
    expected = [
        LOG(EXP(s[0][1]) + EXP(s[0][3])) - s[0][1],
        LOG(EXP(s[1][0]) + EXP(s[1][2]) + EXP(s[1][3])) - s[1][0],
        LOG(EXP(s[2][1]) + EXP(s[2][3])) - s[2][3],
        LOG(EXP(s[3][0]) + EXP(s[3][1]) + EXP(s[3][2])) - s[3][2],
    ]
    found = float(SupConLoss(1.0)(rows, labels, groups))
    assert found == pytest.approx(sum(expected) / 4, abs=1e-6)


def test_other_pairs_of_the_label_as_positives_are_not_supervised_contrast():
    u, v = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(2))
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    across = value(OTCLoss(same_label="positives"), u, v, labels=labels)
    assert across != pytest.approx(float(SupConLoss()(torch.cat([u, v]), labels.tile(2))), rel=0.01)


def test_consistency_is_the_symmetric_divergence_by_hand():
    # p = (0.9, 0.1), q = (0.5, 0.5): the sum of (p - q) log(p / q) over classes
    # is 0.4 log 1.8 - 0.4 log 0.2 = 0.4 log 9
    p, q = torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.5, 0.5]]).log()
    assert float(ConsistencyLoss()(p, q)) == pytest.approx(0.4 * LOG(9), abs=1e-6)
    twice = ConsistencyLoss()(torch.cat([p, q]), torch.cat([q, q]))
    assert float(twice) == pytest.approx(0.2 * LOG(9), abs=1e-6)
    weights = torch.tensor([3.0, 1.0])
    weighted = ConsistencyLoss()(torch.cat([p, q]), torch.cat([q, q]), weights=weights)
    assert float(weighted) == pytest.approx(0.3 * LOG(9), abs=1e-6)


def test_consistency_stops_the_gradient_on_the_target():
    p, q = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(6))
    p.requires_grad_()
    ConsistencyLoss()(p, q).backward()
    alone = p.detach().clone().requires_grad_()
    target = q.log_softmax(1)
    functional.kl_div(
        alone.log_softmax(1), target, log_target=True, reduction="batchmean"
    ).backward()
    assert p.grad is not None
    assert torch.allclose(p.grad, alone.grad)
