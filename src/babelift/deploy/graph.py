"""The ONNX graph of a classifier: token ids and mask in, logits out; any batch, any length."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from babelift.errors import ModelError, first_line
from babelift.prediction.model import OpenModel

MOST_ROWS: Final = 65_536
"""Most texts of a batch that the graph takes."""


def write_graph(opened: OpenModel, file: Path) -> None:
    """Write a classifier's graph in float32, by torch's own exporter.

    Attention stays one operation where the exporter has it. The graph is one file.

    Args:
        opened: The classifier.
        file: Where to write it.

    Raises:
        ModelError: The exporter cannot do it.
    """
    import torch

    model = opened.model.to("cpu").eval()

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    longest = opened.max_length or 512
    ids = torch.zeros((2, min(8, longest)), dtype=torch.int64)
    rows = torch.export.Dim("rows", min=1, max=MOST_ROWS)
    length = torch.export.Dim("length", min=1, max=longest)
    try:
        with _quiet():
            program = torch.onnx.export(
                Logits(),
                (ids, torch.ones_like(ids)),
                dynamo=True,
                dynamic_shapes=({0: rows, 1: length}, {0: rows, 1: length}),
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                verbose=False,
            )
            assert program is not None
            program.save(str(file), external_data=False)
    except Exception as error:  # the exporter has many kinds, of several libraries
        raise ModelError(
            f"model '{opened.name}' cannot be written as an ONNX graph: {first_line(error)}",
            "Named encoders can; see 'babelift models'.",
        ) from error


def quantize(graph: Path, file: Path) -> None:
    """Write a graph with its matrices in 8 bits, by onnxruntime's own quantizer.

    Weights are rounded by column; ranges of what flows between them are taken from each batch as it
    comes (dynamic quantization), so that no text is needed to set them.

    Args:
        graph: In float32.
        file: Where to write it.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(graph, file, per_channel=True, weight_type=QuantType.QInt8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep exporters from telling of operations that no classifier has."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
