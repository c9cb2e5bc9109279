"""What is minimised: cross-entropy on all rows, plus OTC on the pairs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babelift.config import Training
from babelift.errors import ConfigError
from babelift.training.losses import (
    ConsistencyLoss,
    OTCLoss,
    SupConLoss,
    gather_rows,
    world_size,
)
from babelift.training.pooling import Reads


class Terms(NamedTuple):
    """The parts of one update's loss, and how well its pairs match.

    Attributes:
        loss: What is minimised.
        ce: Cross-entropy, over this process's rows and scaled so that the mean over processes is
            that of the whole batch.
        otc: OTC; None where the batch has no pairs.
        positive_cosine: Mean cosine of an original and its translation; None without pairs.
        retrieval_at_1: Share of originals nearer to their own translation than to any other item's
            in the batch; None without pairs.
    """

    loss: Tensor
    ce: Tensor
    otc: Tensor | None = None
    positive_cosine: Tensor | None = None
    retrieval_at_1: Tensor | None = None


def pool(hidden: Tensor, mask: Tensor, pooling: Reads) -> Tensor:
    """Sentence vectors from the last layer: the first token's, or the mean over real tokens.

    Args:
        hidden: `(rows, tokens, dim)` last layer.
        mask: `(rows, tokens)` 1 for a token, 0 for padding.
        pooling: `cls` or `mean`.

    Returns:
        `(rows, dim)` float32.
    """
    if pooling == "cls":
        return hidden[:, 0].float()
    weights = mask.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def class_weights(labels: Sequence[int], classes: int) -> Tensor:
    """Weights by inverse frequency, 1 on average over rows; 1 for a class without rows.

    >>> class_weights([0, 0, 0, 1], 3).tolist()
    [0.6666666865348816, 2.0, 1.0]
    """
    counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=classes)
    present = int((counts > 0).sum())
    weights = np.where(counts > 0, len(labels) / (max(present, 1) * np.maximum(counts, 1)), 1.0)
    return torch.tensor(weights, dtype=torch.float32)


class Objective(nn.Module):
    """Cross-entropy plus weighted OTC, with OTC's own parameters (projection, temperature).

    Args:
        settings: How to train.
        dim: Width of the encoder's vectors.
        weights: `(classes,)` class weights, None for equal ones.
    """

    def __init__(self, settings: Training, dim: int, weights: Tensor | None = None) -> None:
        super().__init__()
        self.smoothing = settings.label_smoothing
        self.uses_otc = settings.otc
        self.otc = _loss(settings)
        width = settings.otc_projection if settings.otc else 0
        self.projection = nn.Linear(dim, width) if width else None
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", weights)

    def forward(
        self,
        logits: Tensor,
        vectors: Tensor,
        labels: Tensor,
        partners: Tensor,
        groups: Tensor,
        *,
        otc_weight: float,
        batch_labels: Tensor,
        views: tuple[Tensor, Tensor] | None = None,
    ) -> Terms:
        """The terms of one update.

        Args:
            logits: `(rows, classes)` of this process's rows: originals, then translations.
            vectors: `(rows, dim)` sentence vectors.
            labels: `(rows,) int64`.
            partners: `(translations,) int64` position of each translation's original.
            groups: `(rows,) int64` item of each row.
            otc_weight: Weight of OTC at this update.
            batch_labels: Labels of the whole batch, over all processes.
            views: Logits and vectors of the originals, computed a second time; OTC ties them to
                these in place of their translations.
        """
        ce = self.cross_entropy(logits, labels, batch_labels)
        # Asked of all processes, which must agree, since vectors are gathered.
        if not len(gather_rows(partners)):
            return Terms(ce, ce)
        first = len(labels) - len(partners)
        originals, translations = vectors[partners], vectors[first:]
        pair_groups, pair_labels = groups[first:], labels[first:]
        with torch.set_grad_enabled(self.uses_otc and torch.is_grad_enabled()):
            if isinstance(self.otc, SupConLoss):
                # Every row once; the second views of the originals in place of translations.
                rows = vectors if views is None else torch.cat([vectors[:first], views[1]])
                known = [
                    part if views is None else part[:first].tile(2) for part in (labels, groups)
                ]
                otc = self.otc(self._projected(rows), *known)
            else:
                if isinstance(self.otc, ConsistencyLoss):
                    sides = (
                        logits[partners],
                        logits[first:] if views is None else views[0][partners],
                    )
                else:
                    other = translations if views is None else views[1][partners]
                    sides = self._projected(originals), self._projected(other)
                otc = self.otc(*sides, groups=pair_groups, labels=pair_labels)
        cosine, retrieval = _match(originals.detach(), translations.detach(), pair_groups)
        loss = ce + otc_weight * otc if self.uses_otc else ce
        return Terms(loss, ce, otc.detach(), cosine, retrieval)

    def _projected(self, vectors: Tensor) -> Tensor:
        projected: Tensor = vectors if self.projection is None else self.projection(vectors)
        return projected

    def cross_entropy(self, logits: Tensor, labels: Tensor, batch_labels: Tensor) -> Tensor:
        """Cross-entropy, so that its mean over processes is the mean over the whole batch."""
        per_row = F.cross_entropy(
            logits.float(),
            labels,
            weight=self.class_weights,
            label_smoothing=self.smoothing,
            reduction="none",
        )
        if self.class_weights is None:
            return per_row.sum() * (world_size() / len(batch_labels))
        return per_row.sum() * (world_size() / self.class_weights[batch_labels].sum())


def _loss(settings: Training) -> OTCLoss | SupConLoss | ConsistencyLoss:
    form = settings.otc_form
    if form == "kl" or form == "supcon":  # mypy narrows no `in`
        if settings.learn_temperature and settings.otc:
            raise ConfigError(f"a learnt temperature needs the form 'infonce'. Got '{form}'.")
        if form == "kl":
            return ConsistencyLoss()
        return SupConLoss(settings.temperature, gather=True)
    return OTCLoss(
        settings.temperature,
        form=form,
        one_way=settings.otc_one_way,
        same_label=settings.same_label,
        learn_temperature=settings.learn_temperature and settings.otc,
        gather=True,
    )


@torch.no_grad()
def _match(originals: Tensor, translations: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cosine of pairs, and retrieval@1 over the whole batch (originals to translations)."""
    u, v = (gather_rows(F.normalize(side.float(), dim=1)) for side in (originals, translations))
    groups = gather_rows(groups)
    scores = u @ v.T
    own = scores.diagonal()
    rivals = scores.masked_fill(groups[:, None] == groups[None, :], -torch.inf)
    return own.mean(), (own > rivals.amax(dim=1)).float().mean()
