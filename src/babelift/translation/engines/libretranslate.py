"""LibreTranslate: a free program that many run themselves, and a service of the same name."""

from collections.abc import Sequence
from functools import cached_property
from threading import Event
from typing import Any, Final

from babelift.config import Translating
from babelift.translation.engines.addresses import read_address
from babelift.translation.engines.service import ServiceTranslator, codes_of, strings
from babelift.translation.protocol import Translation, check_pair

_WISHES: Final = {"zh": ("zh-hans", "zh"), "no": ("nb", "no"), "pt": ("pt", "pt-br")}


def load(argument: str, config: Translating) -> "LibreTranslate":
    """The translator `libretranslate:URL`.

    Raises:
        ConfigError: The URL cannot be used.
    """
    return LibreTranslate(argument, config)


class LibreTranslate(ServiceTranslator):
    """Asks a LibreTranslate; its API takes the key in the body of a request alone.

    Args:
        url: Where it answers.
        config: As in `ServiceTranslator`.
    """

    name = "libretranslate"
    variable = "LIBRETRANSLATE_API_KEY"

    def __init__(self, url: str, config: Translating) -> None:
        super().__init__(read_address(url, self.name, "/translate"), config, most_texts=32)
        self.fingerprint = f"libretranslate/1:{self.client.address.place}"

    @cached_property
    def _codes(self) -> tuple[dict[str, str], frozenset[tuple[str, str]]]:
        """Its codes by our tags, and the pairs that it can do."""

        def read(content: bytes) -> dict[str, list[Any]]:
            languages = self.client.json(content)
            try:
                every = [language["code"] for language in languages]
                return {one["code"]: list(one.get("targets", every)) for one in languages}
            except (TypeError, KeyError, AttributeError):
                raise ValueError("it is no list of languages") from None

        offered = self.client.ask("GET", "/languages", read, stopped=Event())
        codes = codes_of([*offered, *(code for to in offered.values() for code in to)], _WISHES)
        pairs = {
            (source, target)
            for source, code in codes.items()
            for target, to in codes.items()
            if source != target and to in offered.get(code, ())
        }
        return codes, frozenset(pairs)

    def pairs(self) -> frozenset[tuple[str, str]]:
        """What it says that it can do; it is asked, once."""
        return self._codes[1]

    def _ask(
        self, texts: Sequence[str], source_lang: str, target_lang: str, stopped: Event
    ) -> list[Translation]:
        codes, pairs = self._codes
        check_pair(self.name, source_lang, target_lang, pairs)
        body = {"q": list(texts), "source": codes[source_lang], "target": codes[target_lang],
                "format": "text"}  # fmt: skip
        if key := self.client.key:
            body["api_key"] = key
        answer = self.client.ask("POST", "/translate", self.client.json, body=body, stopped=stopped)
        made = answer.get("translatedText") if isinstance(answer, dict) else None
        return [Translation(text) for text in strings(made, len(texts))]
