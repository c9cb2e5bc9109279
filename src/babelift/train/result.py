"""What a training did, as numbers for the report."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The outcome of one training.

    Attributes:
        encoder: As the user wrote it.
        license: Licence of the weights it started from, None where not known or none.
        parameters: Number of weights of the written model, head included.
        vocabulary: Tokens of the written model.
        steps: Updates done.
        epochs: Passes over the originals.
        best_step: Update whose weights were kept.
        originals: Originals trained on.
        translations: Translations trained on.
        unpaired: Originals without a translation, where others have one.
        recycled: Times a row stood in for a missing one, over all updates.
        precision: `bf16` or `fp32`.
        seconds: Time spent, over all resumptions.
        resumed_from: Update of the checkpoint it went on from, None where it was not resumed.
        batch_originals: Most originals in a batch.
        batch_translations: Most translations in a batch.
        learning_rate: Peak learning rate.
        stopped_early: Patience ran out.
        tokens: Tokens read, padding not counted.
        truncated: Training texts that were cut at `max_length`.
        initial_weights: SHA-256 of the weights it started from, head included.
        order: SHA-256 of the originals' ids in the order of the first epoch.
        validation: Best mean F1-micro over the validation languages, None without validation.
        parts: In how many parts batches were computed at the end; more than 1 where memory ran out.
    """

    encoder: str
    license: str | None
    parameters: int
    vocabulary: int
    steps: int
    epochs: float
    best_step: int
    originals: int
    translations: int
    unpaired: int
    recycled: int
    precision: str
    seconds: float
    resumed_from: int | None
    batch_originals: int
    batch_translations: int
    learning_rate: float
    stopped_early: bool
    tokens: int
    truncated: int
    initial_weights: str
    order: str
    validation: float | None
    parts: int

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)
