"""Translating rows: back ends, memory, quality checks, the driver.

`babelift.translate(rows, ...)` is this package, called: a function and a package cannot have one
name otherwise.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babelift.translate.driver import TranslatedRows, translate_rows
    from babelift.translate.job import run_translate, translate
    from babelift.translate.memory import Memory
    from babelift.translate.protocol import Translation, Translator
    from babelift.translate.registry import load_translator
    from babelift.translate.report import TranslationReport

_HOMES = {
    "Memory": "memory",
    "TranslatedRows": "driver",
    "Translation": "protocol",
    "TranslationReport": "report",
    "Translator": "protocol",
    "load_translator": "registry",
    "run_translate": "job",
    "translate": "job",
    "translate_rows": "driver",
}

__all__ = [
    "Memory",
    "TranslatedRows",
    "Translation",
    "TranslationReport",
    "Translator",
    "load_translator",
    "run_translate",
    "translate",
    "translate_rows",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'babelift.translate' has no attribute '{name}'")
    return getattr(import_module(f"babelift.translate.{_HOMES[name]}"), name)


class _Callable(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Translate a frame of rows, see `babelift.translate.job.translate`."""
        return __getattr__("translate")(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
