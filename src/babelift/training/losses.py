"""Losses that tie a text to its translation: OTC, and its rivals: supervised contrast of all rows,
and consistency of predictions.
"""

from typing import Any, Literal

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from babelift.errors import ConfigError

OTCForm = Literal["infonce", "cosine", "mse"]
SameLabel = Literal["negatives", "masked", "positives"]

TEMPERATURE_RANGE = (0.001, 0.5)
"""Bounds of a learnt temperature, as in ALBEF (Li et al. 2021)."""


def world_size() -> int:
    """Number of processes that train together; 1 where nothing is distributed."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _GatherRows(torch.autograd.Function):
    """Concatenates; backward sums each process's gradient of this process's rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sizes: list[int]) -> Tensor:
        ctx.sizes = sizes
        largest = max(sizes)
        padded = rows.new_zeros((largest, *rows.shape[1:]))
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].contiguous()
        dist.all_reduce(total)
        rank = dist.get_rank()
        start = sum(ctx.sizes[:rank])
        return total[start : start + ctx.sizes[rank]], None


def gather_rows(rows: Tensor) -> Tensor:
    """The rows of every process, in order of their ranks; the tensor itself with one process.

    Processes may have different numbers of rows. The gradient that reaches a process's rows is the
    sum of what all processes compute for them.

    Args:
        rows: `(rows, ...)`, of one type and trailing shape everywhere.
    """
    processes = world_size()
    if processes == 1:
        return rows
    mine = torch.tensor([len(rows)], device=rows.device)
    sizes = [torch.empty_like(mine) for _ in range(processes)]
    dist.all_gather(sizes, mine)
    gathered: Tensor = _GatherRows.apply(rows, [int(size) for size in sizes])  # type: ignore[no-untyped-call]
    return gathered


class OTCLoss(nn.Module):
    """Original-translated contrastive loss: pulls each original to its translation.

    With the L2-normalised vectors `u_i` of original i, `v_i` of its translation, temperature τ and
    `s_ij = u_i · v_j / τ`:

        OTC = ½ [ CE(s, diagonal) + CE(sᵀ, diagonal) ]

    Every other pair in the batch is a negative. Maths is done in float32 (float64 for float64
    inputs), also inside autocast.

    Args:
        temperature: τ. Smaller values weigh hard negatives more.
        form: `infonce` is the formula above. `cosine` is the mean of `1 - u_i · v_i`, `mse` the
            mean squared difference of the vectors as they are, not normalised (Reimers & Gurevych
            2020); both have no negatives and no temperature.
        one_way: Only original to translation: `CE(s, diagonal)`. For `infonce`.
        same_label: What other pairs with the same label are: `negatives`; `masked`, neither
            negative nor positive; or `positives`: the mean of `-log softmax` over all positives,
            as in `SupConLoss`, but across languages only: an original is compared with
            translations alone, and a translation with originals. For `infonce`.
        learn_temperature: Train τ, kept within [0.001, 0.5]. For `infonce`.
        gather: With several processes, compare with the pairs of all of them. The gradient flows
            back to every process; average it over processes as DistributedDataParallel does.

    Requirements:
        1. Pairs of texts that mean the same, in one batch, in the same order on both sides.
        2. Large batches for `infonce`: its value on unrelated vectors is log(pairs), so a weight
           does not carry over between batch sizes, and accumulating gradients adds no negatives.

    Inputs:
        +----------------+--------------------------------+---------------------------------------+
        | input          | shape and type                 | meaning                               |
        +================+================================+=======================================+
        | originals      | (pairs, dim) float             | vectors of the originals              |
        | translations   | (pairs, dim) float             | vectors of their translations         |
        | groups         | (pairs,) int64, optional       | pairs of one group are the same item  |
        |                |                                | and never each other's negatives      |
        | labels         | (pairs,) int64                 | needed unless same_label="negatives"  |
        | weights        | (pairs,) float, optional       | weight of each pair, e.g. the quality |
        |                |                                | of its translation                    |
        +----------------+--------------------------------+---------------------------------------+

    Recommendations:
        - Add it to a classification loss with a weight of 0.4 (King 2024).
        - Give `groups` when an original has several translations in a batch: its row is repeated,
          and its translations would else push each other away.
        - With few, balanced labels many negatives share the anchor's label (20 % with five): try
          `same_label="masked"` or `"positives"`.
        - Watch the mean cosine of pairs and retrieval@1 in the batch, not the value of the loss.

    Relations:
        - ALBEF's image-text contrastive loss (Li et al. 2021) is this with a projection and a
          queue of negatives; CLIP's the same without.
        - MultipleNegativesRankingLoss of sentence-transformers is this with `one_way=True` and
          `temperature=0.05` (its scale of 20).
        - `SupConLoss` compares every row with every other, of both languages, by their labels.
        - `ConsistencyLoss` compares what is predicted for the pair rather than its vectors.

    Raises:
        ConfigError: A setting that is not known or not possible.

    Example:
        >>> import torch
        >>> from babelift.training.losses import OTCLoss
        >>> loss = OTCLoss(temperature=1.0)
        >>> originals = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> round(loss(originals, originals).item(), 4)  # log(1 + 1/e)
        0.3133
        >>> round(loss(originals, originals.flip(0)).item(), 4)  # log(1 + e)
        1.3133
    """

    def __init__(
        self,
        temperature: float = 0.07,
        *,
        form: OTCForm = "infonce",
        one_way: bool = False,
        same_label: SameLabel = "negatives",
        learn_temperature: bool = False,
        gather: bool = False,
    ) -> None:
        super().__init__()
        _require("form", form, ("infonce", "cosine", "mse"))
        _require("same_label", same_label, ("negatives", "masked", "positives"))
        low, high = TEMPERATURE_RANGE
        if temperature <= 0:
            raise ConfigError(f"the 'temperature' of OTC must be above 0. Got {temperature}.")
        if learn_temperature and not (form == "infonce" and low <= temperature <= high):
            raise ConfigError(
                f"a learnt temperature needs the form 'infonce' and must start between {low} and "
                f"{high}. Got the form '{form}' and {temperature}."
            )
        self.form, self.one_way, self.same_label, self.gather = form, one_way, same_label, gather
        value = torch.tensor(float(temperature))
        self.temperature: Tensor
        if learn_temperature:
            self.temperature = nn.Parameter(value)
        else:
            self.register_buffer("temperature", value)

    def forward(
        self,
        originals: Tensor,
        translations: Tensor,
        groups: Tensor | None = None,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """The loss of one batch of pairs, a scalar; 0 where there is no pair.

        Raises:
            ValueError: Shapes that do not fit, or labels missing where `same_label` needs them.
        """
        if originals.shape != translations.shape or originals.ndim != 2:
            raise ValueError(
                "originals and translations must both be (pairs, dim). "
                f"Got {tuple(originals.shape)} and {tuple(translations.shape)}."
            )
        if labels is None and self.form == "infonce" and self.same_label != "negatives":
            raise ValueError(f"same_label='{self.same_label}' needs labels.")
        with torch.autocast(originals.device.type, enabled=False):
            u, v = _at_least_float32(originals), _at_least_float32(translations)
            weights = None if weights is None else weights.to(u)
            if self.gather:
                u, v = gather_rows(u), gather_rows(v)
                groups, labels, weights = (
                    None if part is None else gather_rows(part)
                    for part in (groups, labels, weights)
                )
            return _weighted_mean(self._per_pair(u, v, groups, labels), weights)

    def _per_pair(
        self, originals: Tensor, translations: Tensor, groups: Tensor | None, labels: Tensor | None
    ) -> Tensor:
        if self.form == "mse":
            return (originals - translations).square().mean(dim=1)
        u, v = F.normalize(originals, dim=1), F.normalize(translations, dim=1)
        if self.form == "cosine":
            return 1 - (u * v).sum(dim=1)
        scores = u @ v.T / self._bounded_temperature().to(u)
        positive, ignored = self._relations(len(u), groups, labels, u.device)
        forward = _contrast(scores, positive, ignored)
        if self.one_way:
            return forward
        return (forward + _contrast(scores.T, positive, ignored)) / 2

    def _bounded_temperature(self) -> Tensor:
        if isinstance(self.temperature, nn.Parameter):
            with torch.no_grad():
                self.temperature.clamp_(*TEMPERATURE_RANGE)
        return self.temperature

    def _relations(
        self, pairs: int, groups: Tensor | None, labels: Tensor | None, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """Which pairs are positives and which are left out, both (pairs, pairs), symmetric."""
        own = torch.eye(pairs, dtype=torch.bool, device=device)
        same_group = own if groups is None else groups[:, None] == groups[None, :]
        if self.same_label == "negatives" or labels is None:
            return own, same_group & ~own
        same_label = labels[:, None] == labels[None, :]
        if self.same_label == "masked":
            return own, (same_group | same_label) & ~own
        positive = own | same_label
        return positive, same_group & ~positive


class SupConLoss(nn.Module):
    """Supervised contrastive loss: pulls each row to all others of its label, in any language.

    Khosla et al. 2020, "Supervised Contrastive Learning", their L_out. An original and its
    translation are the two views. With the L2-normalised vectors `z_i` of all rows, `A(i)` all
    rows but i, `P(i)` those of them with the label of i, and temperature τ:

        s_ia = z_i · z_a / τ
        L_i = -1 / |P(i)| Σ_{p in P(i)} log( exp(s_ip) / Σ_{a in A(i)} exp(s_ia) )
        L = mean of L_i

    over the rows that have a positive. Maths is done in float32 (float64 for float64 inputs).

    Args:
        temperature: τ. Khosla et al. use .1.
        gather: As in `OTCLoss`.

    Requirements:
        1. Each row once, however many translations it has.
        2. Two rows or more of a label in a batch.

    Inputs:
        +---------+------------------------+------------------------------------------------------+
        | input   | shape and type         | meaning                                              |
        +=========+========================+======================================================+
        | vectors | (rows, dim) float      | originals and translations, in any order             |
        | labels  | (rows,) int64          | their labels                                         |
        | groups  | (rows,) int64,         | rows of one group are the same item and never each   |
        |         | optional               | other's negatives                                    |
        +---------+------------------------+------------------------------------------------------+

    Recommendations:
        - It makes classes compact, and says of the rows of a class nothing but that.

    Relations:
        - `OTCLoss(same_label="positives")` has the same positives but compares across languages
          only, so that nothing tells a row from others of its own language.

    Raises:
        ConfigError: The temperature is not above 0.

    Example:
        >>> import torch
        >>> from babelift.training.losses import SupConLoss
        >>> vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> round(SupConLoss(1.0)(vectors, torch.tensor([0, 0, 1])).item(), 4)  # log(1 + 1/e)
        0.3133
    """

    def __init__(self, temperature: float = 0.07, *, gather: bool = False) -> None:
        super().__init__()
        if temperature <= 0:
            raise ConfigError(f"the 'temperature' of OTC must be above 0. Got {temperature}.")
        self.temperature, self.gather = temperature, gather

    def forward(self, vectors: Tensor, labels: Tensor, groups: Tensor | None = None) -> Tensor:
        """The loss of one batch, a scalar; 0 where no two rows have one label."""
        with torch.autocast(vectors.device.type, enabled=False):
            z = F.normalize(_at_least_float32(vectors), dim=1)
            if self.gather:
                z, labels = gather_rows(z), gather_rows(labels)
                groups = None if groups is None else gather_rows(groups)
            own = torch.eye(len(z), dtype=torch.bool, device=z.device)
            positive = (labels[:, None] == labels[None, :]) & ~own
            ignored = own if groups is None else own | (groups[:, None] == groups[None, :])
            anchors = positive.any(dim=1)
            scores = z[anchors] @ z.T / self.temperature
            positive = positive[anchors]
            return _weighted_mean(_contrast(scores, positive, ignored[anchors] & ~positive), None)


class ConsistencyLoss(nn.Module):
    """Two-way KL divergence between what is predicted for an original and for its translation.

    The example consistency of xTune (Zheng et al. 2021): with `p`, `q` the predicted distributions
    and `sg` a stopped gradient,

        KL(sg(p) ‖ q) + KL(sg(q) ‖ p)

    summed over classes and averaged over pairs ("batchmean").

    Requirements:
        1. Logits of one classifier for both sides, in the same order.

    Inputs:
        +----------------+--------------------------------+---------------------------------------+
        | input          | shape and type                 | meaning                               |
        +================+================================+=======================================+
        | originals      | (pairs, classes) float         | logits of the originals               |
        | translations   | (pairs, classes) float         | logits of their translations          |
        | groups, labels | ignored                        | taken so that losses are exchangeable |
        | weights        | (pairs,) float, optional       | weight of each pair                   |
        +----------------+--------------------------------+---------------------------------------+

    Recommendations:
        - xTune's weight of 5 belongs to a mean over pairs and classes: with this loss use
          5 / classes.

    Relations:
        - `OTCLoss` compares vectors, with negatives; this compares predictions, without.

    Example:
        >>> import torch
        >>> from babelift.training.losses import ConsistencyLoss
        >>> logits = torch.tensor([[0.9, 0.1], [0.5, 0.5]]).log()
        >>> round(ConsistencyLoss()(logits[:1], logits[1:]).item(), 4)  # 0.4 log 9
        0.8789
    """

    def forward(
        self,
        originals: Tensor,
        translations: Tensor,
        groups: Tensor | None = None,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """The loss of one batch of pairs, a scalar; 0 where there is no pair."""
        with torch.autocast(originals.device.type, enabled=False):
            p, q = (
                F.log_softmax(_at_least_float32(side), dim=1) for side in (originals, translations)
            )
            p_to_q = F.kl_div(q, p.detach(), reduction="none", log_target=True).sum(dim=1)
            q_to_p = F.kl_div(p, q.detach(), reduction="none", log_target=True).sum(dim=1)
            return _weighted_mean(p_to_q + q_to_p, None if weights is None else weights.to(p_to_q))


def _contrast(scores: Tensor, positive: Tensor, ignored: Tensor) -> Tensor:
    """Per row, the mean over positives of `-log softmax` over the scores not ignored: (pairs,)."""
    log_share = scores.masked_fill(ignored, -torch.inf).log_softmax(dim=1)
    return -log_share.masked_fill(~positive, 0).sum(dim=1) / positive.sum(dim=1)


def _weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return values.sum() / max(len(values), 1)
    total = weights.sum()
    return (values * weights).sum() / total.where(total > 0, torch.ones_like(total))


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _require(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(
            f"the '{name}' of OTC must be one of {', '.join(allowed)}. Got '{value}'."
        )
