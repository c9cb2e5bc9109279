"""The driver for tests: one translator and a memory, without a `with` block around them."""

from typing import Any

import polars as pl

from babelift.translation.driver import OpenTranslators, TranslatedRows
from babelift.translation.memory import Memory
from babelift.translation.protected import NOTHING, Protected
from babelift.translation.protocol import Translator


def translate_rows(
    rows: pl.DataFrame,
    to: list[str],
    translator: Translator,
    *,
    memory: Memory,
    fallback: Translator | None = None,
    protected: Protected = NOTHING,
    **options: Any,
) -> TranslatedRows:
    """Rows translated as by `OpenTranslators.translate_rows`, which takes the options."""
    opened = OpenTranslators(translator, memory, fallback, protected)
    return opened.translate_rows(rows, to, **options)
