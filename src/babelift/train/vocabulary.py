"""Word vectors of which only those are trained that the training texts have."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class TrainedRows(nn.Embedding):
    """A few rows of an embedding as the weight that is trained, and the whole to look others up in.

    In training all tokens must be among those rows, so that gradient, clipping and optimizer go
    over them alone. Elsewhere any token may occur: those that are not trained have the vectors
    they had.

    Args:
        whole: The embedding; its weight serves as the table of vectors that are not trained.
        tokens: `(rows,) int64` token ids that are trained, each once.

    >>> part = TrainedRows(nn.Embedding(5, 2), torch.tensor([1, 3]))
    >>> part.weight.shape, part.eval()(torch.tensor([[0, 4]])).shape
    (torch.Size([2, 2]), torch.Size([1, 2, 2]))
    """

    table: Tensor
    places: Tensor

    def __init__(self, whole: nn.Embedding, tokens: Tensor) -> None:
        table = whole.weight.detach()
        super().__init__(
            len(tokens), whole.embedding_dim, _weight=table[tokens.to(table.device)].clone()
        )
        places = torch.full((whole.num_embeddings,), -1, device=table.device)
        places[tokens] = torch.arange(len(tokens), device=table.device)
        self._padding = whole.padding_idx
        if self._padding is not None and places[self._padding] >= 0:
            self.padding_idx = int(places[self._padding])
        self.register_buffer("table", table, persistent=False)
        self.register_buffer("places", places, persistent=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Vectors of token ids, `(..., dim)`."""
        places = self.places[input]
        if self.training:
            return F.embedding(places, self.weight, self.padding_idx)
        trained = F.embedding(places.clamp(min=0), self.weight)
        return torch.where((places >= 0).unsqueeze(-1), trained, F.embedding(input, self.table))

    def whole(self) -> nn.Embedding:
        """The embedding with the trained rows at their places; shares the table's memory."""
        with torch.no_grad():
            known = self.places >= 0
            self.table[known] = self.weight[self.places[known]]
        rows, dim = self.table.shape
        return nn.Embedding(rows, dim, padding_idx=self._padding, _weight=self.table)


def narrow(model: "PreTrainedModel", tokens: NDArray[np.int64]) -> None:
    """Let only the word vectors of some tokens be trained; nothing changes in what they are.

    A model whose word vectors are no plain embedding, or serve elsewhere too, is left as it is.

    Args:
        model: Changed in place.
        tokens: `(tokens,) int64` ids, each once: all that occur in training, padding included.
    """
    whole = find_plain_embedding(model)
    if whole is not None:
        part = TrainedRows(whole, torch.from_numpy(tokens))
        model.set_input_embeddings(part.train(whole.training))


def widen(model: "PreTrainedModel") -> None:
    """Undo `narrow`: one embedding of all tokens again, with the trained vectors in it."""
    part: Any = _embedding(model)
    if isinstance(part, TrainedRows):
        model.set_input_embeddings(part.whole().train(part.training))


def _embedding(model: "PreTrainedModel") -> nn.Module | None:
    try:
        found: nn.Module | None = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    return found


def find_plain_embedding(model: "PreTrainedModel") -> nn.Embedding | None:
    """The model's word vectors if they are a lookup in a table that is used nowhere else."""
    found = _embedding(model)
    if type(found) is not nn.Embedding or not found.weight.requires_grad:
        return None
    if found.max_norm is not None or found.scale_grad_by_freq or found.sparse:
        return None
    names = model.named_parameters(remove_duplicate=False)
    uses = sum(weight is found.weight for _, weight in names)
    return found if uses == 1 else None
