"""What translators that ask a service have in common: several requests under way, and counting."""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, ClassVar, Final, Literal, NoReturn, TypeVar

from babelift.config import Translating
from babelift.errors import TranslationError
from babelift.translation.engines.addresses import Address
from babelift.translation.engines.client import Client, RefusedError
from babelift.translation.protocol import InBatches, Translation

Item = TypeVar("Item")
Made = TypeVar("Made")

_WAIT: Final = 1.0
_LARGEST_COUNT: Final = 10**9
_TOO_LONG: Final = frozenset({"context_length_exceeded"})


class UnfitError(Exception):
    """An answer does not hold what was asked: so many texts, each with its own translation."""


class Usage:
    """What was asked and answered, counted by several threads.

    Attributes:
        counts: `requests`; `again`, those of them that were repeated; `parts`, answers that did
            not hold what was asked, so that it was asked in smaller parts; `characters_sent` and
            `characters_received` of texts; as the service counts them `tokens_sent`,
            `tokens_received` and `characters_billed`.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, **counts: int) -> None:
        """Count."""
        with self._lock:
            self.counts.update(counts)

    def add_counted(self, name: str, value: Any) -> None:
        """Count what a service says, where that can be a number of something."""
        if type(value) is int and 0 <= value <= _LARGEST_COUNT:
            self.add(**{name: value})


def in_order(
    work: Callable[[Item, Event], Made], items: Iterable[Item], ahead: int
) -> Iterator[Made]:
    """The results of work on items, in their order; each is worked on in a thread of its own.

    Args:
        work: Is also given an event that is set when nobody waits for its result any more.
        items: Taken one by one.
        ahead: How many may be under way, or done and not taken, at a time.

    >>> list(in_order(lambda item, stopped: item * 2, [1, 2, 3], ahead=2))
    [2, 4, 6]
    """
    stopped = Event()
    under_way: deque[SimpleQueue[tuple[bool, Any]]] = deque()

    def begin(item: Item) -> None:
        outcome: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

        def run() -> None:
            try:
                outcome.put((True, work(item, stopped)))
            except BaseException as error:
                outcome.put((False, error))

        # Daemons: neither Ctrl-C nor the end of the program waits for a service.
        Thread(target=run, name="babelift-service", daemon=True).start()
        under_way.append(outcome)

    def end() -> Made:
        outcome = under_way.popleft()
        while True:
            # With polars loaded, Ctrl-C ends only waits that have an end of their own.
            with suppress(Empty):
                done, made = outcome.get(timeout=_WAIT)
                break
        if not done:
            raise made
        result: Made = made
        return result

    try:
        for item in items:
            if len(under_way) == ahead:
                yield end()
            begin(item)
        while under_way:
            yield end()
    finally:
        stopped.set()


class ServiceTranslator(InBatches, ABC):
    """A translator that asks a service; base of those that know one.

    A batch is one request, unless its answer does not hold what was asked or is refused for its
    size: then its halves are asked for, down to single texts.

    Args:
        address: Where the service answers.
        config: How many requests may be under way, and how long each may take.

    Attributes:
        max_input_tokens: Longer texts are sent in parts.
        max_batch_texts: Texts in a request.
        client: Asks the service.
        usage: What was asked so far.
        notes: Sentences for the report.
    """

    name: str
    fingerprint: str
    unit: Literal["sentence", "text"] = "text"
    license: str | None = None
    max_input_tokens = 1024
    variable: ClassVar[str]

    def __init__(self, address: Address, config: Translating, most_texts: int) -> None:
        self.max_batch_texts = most_texts
        self.usage = Usage()
        self.notes: list[str] = []
        self._requests = config.requests
        self.client = Client(
            self.name, address, self.variable, config.timeout,
            count=lambda attempt: self.usage.add(requests=1, again=int(attempt > 0)),
        )  # fmt: skip

    def pairs(self) -> frozenset[tuple[str, str]] | None:
        """Every pair, as far as Babelift knows."""
        return None

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """Translate batches, one list per batch, in order; some are under way ahead of it.

        Raises:
            LanguageError: The pair is not possible.
            TranslationError: The service cannot be reached, refuses, or makes no sense.
        """

        def work(batch: Sequence[str], stopped: Event) -> list[Translation]:
            return self.whole(batch, source_lang, target_lang, stopped)

        return in_order(work, batches, self._requests)

    def whole(
        self, texts: Sequence[str], source_lang: str, target_lang: str, stopped: Event
    ) -> list[Translation]:
        """Ask for texts, and for their halves where the answer does not hold them all."""
        try:
            made = self._ask(texts, source_lang, target_lang, stopped)
        except (UnfitError, RefusedError) as error:
            smaller = (
                isinstance(error, UnfitError) or error.status == 413 or error.code in _TOO_LONG
            )
            if len(texts) > 1 and smaller:
                self.usage.add(parts=1)
                middle = len(texts) // 2
                halves = (texts[:middle], texts[middle:])
                return [
                    translation
                    for half in halves
                    for translation in self.whole(half, source_lang, target_lang, stopped)
                ]
            if isinstance(error, UnfitError):
                self._give_up(str(error))
            raise
        self.count_texts(texts, made)
        return made

    def count_texts(self, texts: Sequence[str], made: Sequence[Translation]) -> None:
        """Count the characters of texts that were translated, and of their translations."""
        received = sum(len(translation.text or "") for translation in made)
        self.usage.add(characters_sent=sum(map(len, texts)), characters_received=received)

    @abstractmethod
    def _ask(
        self, texts: Sequence[str], source_lang: str, target_lang: str, stopped: Event
    ) -> list[Translation]:
        """One request.

        Raises:
            UnfitError: The answer does not hold what was asked.
            TranslationError: The service cannot be reached, refuses, or makes no sense.
        """

    def _give_up(self, reason: str) -> NoReturn:
        raise TranslationError(
            f"translator '{self.name}': {self.client.address.host} {reason}.",
            "What is finished is kept. Is it the service that the translator's name says?",
        ) from None

    def expected(self, texts: Sequence[str], source_lang: str, target_lang: str) -> dict[str, int]:
        """What a request is expected to count, in the words of `Usage`; nothing is sent."""
        return {"requests": 1, "characters_sent": sum(map(len, texts))}

    def note(self, sentence: str) -> None:
        """Say something once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def close(self) -> None:
        """Nothing to release: threads that nobody waits for end by themselves."""


def strings(values: Any, count: int) -> list[str]:
    """A service's list of translations.

    Raises:
        UnfitError: There are not as many as asked for, or one is no text.
    """
    if not isinstance(values, list) or len(values) != count:
        many = f"{len(values):,}" if isinstance(values, list) else "no list of"
        raise UnfitError(f"gave {many} translations for {count:,} texts")
    if not all(isinstance(value, str) for value in values):
        raise UnfitError("gave a translation that is no text")
    return list(values)


def codes_of(offered: Iterable[Any], wishes: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """A service's codes by our tags.

    Args:
        offered: The codes that it lists.
        wishes: Tags that a service may know under other codes, the best of them first.

    >>> codes_of(["DE", "EN-GB", "EN-US", "ZH-HANT"], {"en": ("en-us",), "zh": ("zh-hans", "zh")})
    {'de': 'DE', 'en': 'EN-US'}
    """
    from babelift.languages import LANGUAGES

    known = {code.lower(): code for code in offered if isinstance(code, str)}
    found = {}
    for tag in LANGUAGES:
        for wish in wishes.get(tag, (tag,)):
            if wish in known:
                found[tag] = known[wish]
                break
    return dict(sorted(found.items()))
