"""DeepL's API, free and pro."""

from collections.abc import Sequence
from functools import cached_property
from threading import Event
from typing import Any, Final

from babelift.config import Translating
from babelift.errors import ConfigError
from babelift.translation.engines.addresses import read_address, read_key
from babelift.translation.engines.service import ServiceTranslator, codes_of, strings
from babelift.translation.protocol import Translation, check_pair

_PRO, _FREE = "https://api.deepl.com", "https://api-free.deepl.com"
_WISHES: Final = {
    "en": ("en-us", "en"), "pt": ("pt-br", "pt"), "zh": ("zh-hans", "zh"), "no": ("nb", "no"),
}  # fmt: skip
_SAID: Final = {"en-us": "American English", "pt-br": "Brazilian Portuguese"}


def load(argument: str, config: Translating) -> "DeepL":
    """The translator `deepl`, or `deepl:URL` for another address than DeepL's own.

    Raises:
        ConfigError: The URL cannot be used.
    """
    return DeepL(argument, config)


class DeepL(ServiceTranslator):
    """Asks DeepL; the end of the key says whether the free or the pro address is meant.

    Both translate alike, so the memory keeps one set for both: who moves from free to pro goes on.

    Args:
        url: Where it answers, empty for DeepL's own.
        config: As in `ServiceTranslator`.
    """

    name = "deepl"
    variable = "DEEPL_AUTH_KEY"

    def __init__(self, url: str, config: Translating) -> None:
        free = (read_key(self.variable, self.name) or "").endswith(":fx")
        address = read_address(url or (_FREE if free else _PRO), self.name, "/translate", "/v2")
        # The most texts that DeepL takes.
        super().__init__(address, config, most_texts=50)
        self.fingerprint = f"deepl/1:{self.client.address.place if url else 'deepl.com'}/v2"

    @property
    def _headers(self) -> dict[str, str]:
        if not (key := self.client.key):
            raise ConfigError(
                f"translator 'deepl' needs a key in the environment variable {self.variable}, "
                "which is not set.",
                "There is one in the account at DeepL, free ones too.",
            )
        return {"Authorization": f"DeepL-Auth-Key {key}"}

    @cached_property
    def _codes(self) -> tuple[dict[str, str], dict[str, str]]:
        """Its codes of sources and of targets by our tags."""

        def read(content: bytes) -> list[Any]:
            try:
                return [language["language"] for language in self.client.json(content)]
            except (TypeError, KeyError):
                raise ValueError("it is no list of languages") from None

        sources, targets = (
            self.client.ask(
                "GET", f"/v2/languages?type={kind}", read, headers=self._headers, stopped=Event()
            )
            for kind in ("source", "target")
        )
        of_sources = {tag: tuple(reversed(wishes)) for tag, wishes in _WISHES.items()}
        return codes_of(sources, of_sources), codes_of(targets, _WISHES)

    def pairs(self) -> frozenset[tuple[str, str]]:
        """What it says that it can do; it is asked, once."""
        sources, targets = self._codes
        return frozenset((one, other) for one in sources for other in targets if one != other)

    def _ask(
        self, texts: Sequence[str], source_lang: str, target_lang: str, stopped: Event
    ) -> list[Translation]:
        sources, targets = self._codes
        check_pair(self.name, source_lang, target_lang, self.pairs())
        code = targets[target_lang]
        if said := _SAID.get(code.lower()):
            self.note(f"deepl: '{target_lang}' is translated into {said} ({code})")
        body = {"text": list(texts), "source_lang": sources[source_lang], "target_lang": code,
                "preserve_formatting": True, "show_billed_characters": True}  # fmt: skip
        answer = self.client.ask(
            "POST", "/v2/translate", self.client.json,
            body=body, headers=self._headers, stopped=stopped,
        )  # fmt: skip
        rows = answer.get("translations") if isinstance(answer, dict) else None
        rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None
        made = strings(rows and [row.get("text") for row in rows], len(texts))
        for row in rows or ():
            self.usage.add_counted("characters_billed", row.get("billed_characters"))
        return [Translation(text) for text in made]
