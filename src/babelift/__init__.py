"""Babelift: labels in one language, users in many.

The public names; each is imported on first use, so that `import babelift` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from babelift.classifier import Classifier
    from babelift.corpus import Corpus, read_corpus
    from babelift.errors import BabeliftError
    from babelift.evaluation.evaluate import evaluate
    from babelift.training.losses import OTCLoss
    from babelift.translation.job import translate

_HOMES = {
    "BabeliftError": "babelift.errors",
    "Classifier": "babelift.classifier",
    "Corpus": "babelift.corpus",
    "OTCLoss": "babelift.training.losses",
    "evaluate": "babelift.evaluation.evaluate",
    "read_corpus": "babelift.corpus",
    "translate": "babelift.translation.job",
}

__all__ = [
    "BabeliftError",
    "Classifier",
    "Corpus",
    "OTCLoss",
    "__version__",
    "evaluate",
    "read_corpus",
    "translate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'babelift' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
