"""Word vectors of the tokens in use: trained alone, or all that a narrowed model keeps.

Texts made of the kept tokens are cut into the same tokens as before, whatever the algorithm:

- WordPiece takes the longest piece that fits; the one it took is still there, longer ones are not.
- Unigram takes the likeliest pieces; those it took are still there, and less likely ones are no
  more likely. The score of an unknown character follows the lowest score of all, which is kept.
- BPE applies the first merge that it can; all merges that lead to a kept token are kept, and they
  stay in their order.

What other texts have is cut into smaller pieces. Those of one character are kept, all of them, so
that words become unknown only where they were.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from babelift.errors import ModelError
from babelift.hub import open_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_CHUNK: Final = 4096
_BYTE: Final = re.compile("<0x[0-9A-Fa-f]{2}>")
_HINT: Final = "Leave --trim-vocabulary out, or choose another --encoder."

State = dict[str, Any]


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
        embedding: nn.Module | None = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    return embedding


def find_plain_embedding(model: "PreTrainedModel") -> nn.Embedding | None:
    """The model's word vectors if they are a lookup in a table that is used nowhere else."""
    embedding = _embedding(model)
    if type(embedding) is not nn.Embedding or not embedding.weight.requires_grad:
        return None
    if embedding.max_norm is not None or embedding.scale_grad_by_freq or embedding.sparse:
        return None
    names = model.named_parameters(remove_duplicate=False)
    uses = sum(weight is embedding.weight for _, weight in names)
    return embedding if uses == 1 else None


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A trimmed tokenizer.

    Attributes:
        kept: `(tokens,) int64` ids that the tokens had, in the order of their new ids.
        tokenizer: The tokenizer of these alone.
    """

    kept: NDArray[np.int64]
    tokenizer: "PreTrainedTokenizerBase"


def trim_tokenizer(tokenizer: Any, texts: Sequence[str]) -> Trimmed:
    """Narrow a tokenizer to the tokens of some texts, special ones and single characters.

    The outcome is opened as transformers opens it, and has to cut all of the texts as before.

    Args:
        tokenizer: Of transformers, with a fast tokenizer of a kind that is known here.
        texts: What it must be able to read.

    Raises:
        ModelError: It is of another kind, or does not cut the texts as before.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            "the encoder's tokenizer has no tokenizer.json, so that it cannot be trimmed.", _HINT
        )
    state: State = json.loads(backend.to_str())
    pieces = _pieces(state["model"])
    vocabulary: dict[str, int] = backend.get_vocab(with_added_tokens=True)
    kept = {*tokenizer.added_tokens_decoder, *range(tokenizer.pad_token_id + 1)}
    kept |= {vocabulary[piece] for piece in _indispensable(state["model"])}
    for ids in _tokenised(tokenizer, texts):
        kept.update(*ids)
    if state["model"]["type"] == "WordPiece":
        kept |= _parts_of_unknown_words(backend, texts)
    if state["model"]["type"] == "BPE":
        kept = _with_ingredients(state["model"], pieces, kept)
    order = sorted(kept)
    numbers = {old: new for new, old in enumerate(order)}
    _renumber(state, numbers)
    narrowed = _reopened(tokenizer, state)
    result = Trimmed(np.array(order, dtype=np.int64), narrowed)
    _check(tokenizer, result, numbers, texts)
    return result


def trim_model(model: "PreTrainedModel", kept: NDArray[np.int64]) -> None:
    """Leave a model the word vectors of some tokens alone, in place.

    Args:
        model: Its word vectors must be a plain embedding.
        kept: As in `Trimmed`.

    Raises:
        ModelError: They are not.
    """
    numbers = {old: new for new, old in enumerate(kept.tolist())}
    whole = plain_embedding(model)
    weight = whole.weight.detach()[torch.from_numpy(kept).to(whole.weight.device)].clone()
    padding = None if whole.padding_idx is None else numbers[whole.padding_idx]
    trimmed = nn.Embedding(len(kept), whole.embedding_dim, padding_idx=padding, _weight=weight)
    model.set_input_embeddings(trimmed.train(whole.training))
    model.config.vocab_size = len(kept)
    for name, value in model.config.to_dict().items():
        if name.endswith("_token_id") and value in numbers:
            setattr(model.config, name, numbers[value])


def plain_embedding(model: "PreTrainedModel") -> nn.Embedding:
    """The model's word vectors, which must be a plain table of their own.

    Raises:
        ModelError: They are not.
    """
    embedding = find_plain_embedding(model)
    if embedding is None:
        raise ModelError(
            f"the word vectors of a {type(model).__name__} cannot be trimmed: they are no table "
            "of their own.",
            _HINT,
        )
    return embedding


def _pieces(model: State) -> dict[str, int]:
    """The pieces of a tokenizer's model with their ids."""
    if model["type"] == "Unigram":
        return {piece: number for number, (piece, _) in enumerate(model["vocab"])}
    if model["type"] in ("WordPiece", "BPE", "WordLevel"):
        pieces: dict[str, int] = model["vocab"]
        return pieces
    raise ModelError(
        f"a tokenizer of the kind {model['type']} cannot be trimmed; WordPiece, Unigram, BPE and "
        "WordLevel can.",
        _HINT,
    )


def _indispensable(model: State) -> Iterator[str]:
    """Pieces of one character or byte, the unknown token, and Unigram's least likely piece."""
    pieces = _pieces(model)
    prefix = model.get("continuing_subword_prefix") or "▁"
    suffix = model.get("end_of_word_suffix") or ""
    for piece in pieces:
        bare = piece.removeprefix(prefix).removeprefix("▁").removesuffix(suffix)
        if len(bare) <= 1 or _BYTE.fullmatch(piece):
            yield piece
    if model.get("unk_token") in pieces:
        yield model["unk_token"]
    if model["type"] == "Unigram":
        yield min(model["vocab"], key=lambda entry: entry[1])[0]
        if model["unk_id"] is not None:
            yield model["vocab"][model["unk_id"]][0]


def _parts_of_unknown_words(backend: Any, texts: Sequence[str]) -> set[int]:
    """All pieces inside of words that WordPiece gives up on, which it does on its way.

    Without one of them it might take another way, and not give up.
    """
    model, unknown = backend.model, backend.token_to_id(backend.model.unk_token)
    pieces = backend.get_vocab(with_added_tokens=False)
    parts: set[int] = set()
    seen: set[str] = set()
    for text in texts:
        normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
        words = backend.pre_tokenizer.pre_tokenize_str(normal) if backend.pre_tokenizer else []
        for word in {word for word, _ in words} - seen:
            seen.add(word)
            if len(word) > model.max_input_chars_per_word:
                continue
            if all(token.id != unknown for token in model.tokenize(word)):
                continue
            for first, last in combinations(range(len(word) + 1), 2):
                part = word[first:last]
                if first:
                    part = model.continuing_subword_prefix + part
                if part in pieces:
                    parts.add(pieces[part])
    return parts


def _with_ingredients(model: State, pieces: dict[str, int], kept: Collection[int]) -> set[int]:
    """Tokens of BPE, and all that they may be merged from."""
    made_of: dict[str, list[tuple[str, str]]] = {}
    for pair in _merges(model):
        made_of.setdefault(_merged(model, pair), []).append(pair)
    names = {number: piece for piece, number in pieces.items()}
    result, waiting = set(kept), [names[number] for number in kept if number in names]
    while waiting:
        for pair in made_of.get(waiting.pop(), []):
            for part in pair:
                if pieces[part] not in result:
                    result.add(pieces[part])
                    waiting.append(part)
    return result


def _merges(model: State) -> list[tuple[str, str]]:
    # Older files have a pair as one string.
    pairs = (pair.split(" ", 1) if isinstance(pair, str) else pair for pair in model["merges"])
    return [(left, right) for left, right in pairs]


def _merged(model: State, pair: tuple[str, str]) -> str:
    return pair[0] + pair[1].removeprefix(model.get("continuing_subword_prefix") or "")


def _renumber(state: State, numbers: dict[int, int]) -> None:
    """Leave a tokenizer's state the kept tokens alone, under their new numbers."""
    model, pieces = state["model"], _pieces(state["model"])
    if model["type"] == "Unigram":
        model["vocab"] = [entry for old, entry in enumerate(model["vocab"]) if old in numbers]
        model["unk_id"] = None if model["unk_id"] is None else numbers[model["unk_id"]]
    else:
        model["vocab"] = {piece: numbers[old] for piece, old in pieces.items() if old in numbers}
    if model["type"] == "BPE":
        known = model["vocab"]
        model["merges"] = [
            list(pair)
            for pair in _merges(model)
            if pair[0] in known and pair[1] in known and _merged(model, pair) in known
        ]
    for token in state["added_tokens"]:
        token["id"] = numbers[token["id"]]
    state["padding"] = state["truncation"] = None
    _renumber_frame(state["post_processor"], numbers)


def _renumber_frame(frame: State | None, numbers: dict[int, int]) -> None:
    """Give the post-processor, which puts special tokens around a text, their new numbers."""
    if frame is None:
        return
    for part in frame.get("processors", ()):
        _renumber_frame(part, numbers)
    for token in frame.get("special_tokens", {}).values():
        token["ids"] = [numbers[old] for old in token["ids"]]
    for name in ("sep", "cls"):
        if name in frame:
            frame[name] = [frame[name][0], numbers[frame[name][1]]]


def _reopened(tokenizer: Any, state: State) -> "PreTrainedTokenizerBase":
    with TemporaryDirectory(prefix="babelift-") as name:
        folder = Path(name)
        tokenizer.save_pretrained(folder)
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise ModelError("the encoder's tokenizer is not saved as tokenizer.json.", _HINT)
        file.write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        settings = folder / "tokenizer_config.json"
        values = json.loads(settings.read_text(encoding="utf-8"))
        # Its numbers are the old ones; tokenizer.json says the same with the new.
        values.pop("added_tokens_decoder", None)
        settings.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        for other in folder.iterdir():
            if other not in (file, settings):
                other.unlink()
        opened: PreTrainedTokenizerBase = open_tokenizer(folder, kind="trimmed tokenizer")
    return opened


def _check(tokenizer: Any, trimmed: Trimmed, numbers: dict[int, int], texts: Sequence[str]) -> None:
    old, new = _tokenised(tokenizer, texts), _tokenised(trimmed.tokenizer, texts)
    same = len(trimmed.tokenizer) == len(trimmed.kept)
    for before, after in zip(old, new, strict=True):
        same = same and [[numbers[number] for number in ids] for ids in before] == list(after)
    if not same:
        raise ModelError(
            "the encoder's tokenizer cannot be trimmed: it does not cut the texts as before.",
            _HINT,
        )


def _tokenised(tokenizer: Any, texts: Sequence[str]) -> Iterator[list[list[int]]]:
    """Token ids of all texts, uncut, some thousand texts at a time."""
    for start in range(0, len(texts), _CHUNK):
        encoded = tokenizer(
            list(texts[start : start + _CHUNK]),
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        yield encoded["input_ids"]
