"""Babelift: labels in one language, users in many.

The public names; all but the errors are imported on first use, so that `import babelift` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from babelift.errors import (
    BabeliftError,
    BabeliftWarning,
    ConfigError,
    DataError,
    LanguageError,
    LeakageError,
    MemoryStoreError,
    MissingDependencyError,
    MissingTranslationError,
    ModelError,
    NonFiniteLossError,
    ParityError,
    RejectsError,
    RunError,
    TrainingError,
    TranslationError,
    UnreadableError,
)

__version__ = "0.2.0"

if TYPE_CHECKING:
    from babelift.classifier import Classifier
    from babelift.deploy.export import export
    from babelift.evaluation.comparison import compare
    from babelift.evaluation.evaluate import evaluate
    from babelift.labelling.job import suggest
    from babelift.prediction.job import predict
    from babelift.run.fit import fit
    from babelift.study.run import run_study
    from babelift.training.losses import OTCLoss
    from babelift.translation.job import translate
    from babelift.translation.protocol import Translator
    from babelift.translation.registry import load_translator

_HOMES = {
    "Classifier": "babelift.classifier",
    "OTCLoss": "babelift.training.losses",
    "Translator": "babelift.translation.protocol",
    "compare": "babelift.evaluation.comparison",
    "evaluate": "babelift.evaluation.evaluate",
    "export": "babelift.deploy.export",
    "fit": "babelift.run.fit",
    "load_translator": "babelift.translation.registry",
    "predict": "babelift.prediction.job",
    "run_study": "babelift.study.run",
    "suggest": "babelift.labelling.job",
    "translate": "babelift.translation.job",
}

__all__ = [
    "BabeliftError",
    "BabeliftWarning",
    "Classifier",
    "ConfigError",
    "DataError",
    "LanguageError",
    "LeakageError",
    "MemoryStoreError",
    "MissingDependencyError",
    "MissingTranslationError",
    "ModelError",
    "NonFiniteLossError",
    "OTCLoss",
    "ParityError",
    "RejectsError",
    "RunError",
    "TrainingError",
    "TranslationError",
    "Translator",
    "UnreadableError",
    "__version__",
    "compare",
    "evaluate",
    "export",
    "fit",
    "load_translator",
    "predict",
    "run_study",
    "suggest",
    "translate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'babelift' has no attribute '{name}'")
    globals()[name] = getattr(import_module(_HOMES[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
