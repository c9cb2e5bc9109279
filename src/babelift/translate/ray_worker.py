"""What runs on a node of a Ray cluster: a process that opens translators and is sent batches."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from babelift.actors import Worker
from babelift.config import Translating
from babelift.errors import TranslationError
from babelift.translate.protocol import Translation, Translator


class Order(NamedTuple):
    """Which translator a batch is for.

    Attributes:
        name: Its name.
        fingerprint: What it must have on every node.
        spec: Its string, as `load_translator` takes it.
        config: Its settings.
        varied: Whether its variant is meant.
    """

    name: str
    fingerprint: str
    spec: str
    config: Translating
    varied: bool = False


class Made(NamedTuple):
    """What an actor gives back.

    Attributes:
        translations: One per text.
        notes: What the translator there has to say so far.
        process: Which process that is.
    """

    translations: list[Translation]
    notes: tuple[str, ...]
    process: tuple[str, int]


class TranslatingWorker(Worker):
    """Translates in a process of its own on some node, one batch at a time."""

    def __init__(self, cores: int, folder: Path) -> None:
        super().__init__(cores, folder)
        self._loaded: dict[tuple[str, Translating], Translator] = {}
        self._varied: dict[tuple[str, Translating], Translator] = {}

    def translate(
        self, order: Order, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Made:
        """Translate one batch; the translator is loaded when it is first asked for.

        Raises:
            TranslationError: The translator here is not the one that is meant.
            BabeliftError: What the translator raises.
        """
        translator = self._translator(order)
        if translator.fingerprint != order.fingerprint:
            raise TranslationError(
                f"translator '{order.name}' is another on node {os.uname().nodename} than here: "
                f"'{translator.fingerprint}' instead of '{order.fingerprint}'.",
                "Install the same versions and put the same files on every node.",
            )
        made = list(translator.translate(texts, source_lang, target_lang))
        process = (os.uname().nodename, os.getpid())
        return Made(made, tuple(getattr(translator, "notes", ())), process)

    def _translator(self, order: Order) -> Translator:
        from babelift.translate.registry import load_translator

        key = (order.spec, order.config)
        if key not in self._loaded:
            self._loaded[key] = load_translator(order.spec, config=order.config)
        if not order.varied:
            return self._loaded[key]
        if key not in self._varied:
            base: Any = self._loaded[key]
            self._varied[key] = base.variant()
        return self._varied[key]
