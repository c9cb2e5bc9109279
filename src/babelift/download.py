"""Bytes from a hub: within limits of size and time, continued where they broke off, and checked.

huggingface_hub's own download (2.4) keeps nothing of an attempt that ended, checks a file's size
but not its hash, puts the ETag into paths as it comes, and waits for ever for a server that drips.
"""

import hashlib
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from babelift.errors import ConfigError, ModelError, first_line, quoted
from babelift.progress import Task
from babelift.store import file_hash

TIMEOUT: Final = "BABELIFT_HUB_TIMEOUT"
"""Names the seconds in which a hub must send something worth waiting for."""

_SECONDS: Final = 30.0
_SLOWEST: Final = 10_000
"""Bytes in a second that a hub must send: two gigabytes then take two days."""
_FILE_CREDIT: Final = 3 * _SLOWEST
"""What a whole file counts for, however small: asking for it takes a while."""
_MOST_REDIRECTS: Final = 20
_RETRIES: Final = 5
_ERROR_BYTES: Final = 64 * 2**10
_HASH: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ELSEWHERE: Final = (
    "Set HF_ENDPOINT to another mirror, or fetch the model some other way and give its folder."
)


def is_hash(text: object) -> bool:
    """Whether it is the hexadecimal SHA-1 or SHA-256 by which a hub names a file.

    >>> is_hash("0" * 40), is_hash("../../x"), is_hash("0" * 63), is_hash(None)
    (True, False, False, False)
    """
    return isinstance(text, str) and _HASH.fullmatch(text) is not None


class Clock:
    """Sees that a hub is quick enough: in every span of time some bytes must arrive.

    One clock goes with all requests of a model, so that many small delays add up.

    Raises:
        ConfigError: The variable `TIMEOUT` holds no number of seconds.
    """

    def __init__(self) -> None:
        setting = os.environ.get(TIMEOUT) or _SECONDS
        try:
            self.seconds = float(setting)
        except ValueError:
            self.seconds = 0.0
        if not 0 < self.seconds < threading.TIMEOUT_MAX:
            raise ConfigError(f"{TIMEOUT} must be a number of seconds above 0. Got '{setting}'.")
        self.restart()

    def restart(self) -> None:
        """Begin a new span: what was waited for was not the hub."""
        self._start = time.monotonic()
        self._bytes = 0

    def advance(self, amount: int) -> None:
        """Count bytes that arrived."""
        self._bytes += amount
        self.check()

    def left(self) -> float:
        """Seconds until the span ends."""
        return max(0.0, self._start + self.seconds - time.monotonic())

    def check(self) -> None:
        """See whether the span is over, and begin the next one.

        Raises:
            TimeoutError: Too few bytes arrived in it.
        """
        if self.left() > 0:
            return
        if self._bytes < _SLOWEST * self.seconds:
            raise TimeoutError(
                f"{self._bytes:,} bytes arrived in {self.seconds:g} seconds, fewer than "
                f"{_SLOWEST * self.seconds:,.0f} (on a slow line set {TIMEOUT} to more seconds)"
            )
        self.restart()


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of what a server answers.

    Attributes:
        status: Below 400.
        headers: Of the last of the servers that were asked.
        hash: What the hub itself says the file's hash is, None where it says nothing.
    """

    status: int
    headers: Any
    hash: str | None


Received = Generator[Answer | bytes, None, None]


class _AbandonedError(Exception):
    """Nobody waits for the answer any more."""


def receive(url: str, clock: Clock, headers: dict[str, str]) -> Received:
    """Ask for a file: the answer's head, then the body in pieces as they arrive.

    A thread of its own waits for the server, since a read may block however the limits are set: a
    header that drips is no answer yet.

    Args:
        url: Where it is.
        clock: How long to wait.
        headers: More for the request.

    Raises:
        TimeoutError: The server is too slow.
        ModelError: It redirects to where no file may come from.
        Exception: What huggingface_hub and its HTTP library raise for a status or a broken line.
    """
    arrived: queue.Queue[Answer | bytes | BaseException | None] = queue.Queue(maxsize=16)
    abandoned = threading.Event()

    def give(item: Answer | bytes | BaseException | None) -> None:
        while not abandoned.is_set():
            try:
                return arrived.put(item, timeout=1)
            except queue.Full:
                continue
        raise _AbandonedError

    def work() -> None:
        try:
            with closing(_answer(url, headers, clock.seconds)) as answer:
                for item in answer:
                    give(item)
            give(None)
        except _AbandonedError:
            pass
        except BaseException as error:
            with suppress(_AbandonedError):
                give(error)

    threading.Thread(target=work, name="babelift-download", daemon=True).start()
    try:
        while True:
            try:
                item = arrived.get(timeout=clock.left())
            except queue.Empty:
                clock.check()
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, bytes):
                clock.advance(len(item))
            yield item
    finally:
        abandoned.set()


def receive_json(url: str, clock: Clock, most: int) -> bytes:
    """The whole of a small answer.

    Raises:
        ModelError: It is longer than `most` bytes.
        Exception: As `receive`.
    """
    body = bytearray()
    with closing(receive(url, clock, {"Accept-Encoding": "identity"})) as answer:
        for item in answer:
            body += item if isinstance(item, bytes) else b""
            if len(body) > most:
                raise ModelError(
                    f"the hub's answer at {url} is longer than {most:,} bytes.", _ELSEWHERE
                )
    return bytes(body)


def _answer(url: str, headers: dict[str, str], seconds: float) -> Received:
    from huggingface_hub import constants
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import get_session

    session = get_session()
    timeout = min(seconds, constants.HF_HUB_DOWNLOAD_TIMEOUT)
    request = session.build_request(
        "GET", url, headers=build_hf_headers(headers=headers), timeout=timeout
    )
    announced = None
    for _ in range(_MOST_REDIRECTS):
        response = session.send(request, stream=True, follow_redirects=False)
        try:
            announced = response.headers.get(constants.HUGGINGFACE_HEADER_X_LINKED_ETAG, announced)
            if response.next_request is None:
                _raise_for_status(response)
                if announced is None and request.url.host == urlsplit(url).hostname:
                    # Where it is a store that answers, the tag is the store's own.
                    announced = response.headers.get("ETag")
                named = announced and announced.removeprefix("W/").strip('"')
                yield Answer(response.status_code, response.headers, named)
                yield from response.iter_raw()
                return
            before, request = request, response.next_request
        finally:
            response.close()
        downgraded = before.url.scheme == "https" and request.url.scheme != "https"
        if request.url.scheme not in ("http", "https") or downgraded:
            raise ModelError(
                f"the hub redirects {url} to {quoted(str(request.url))}; only http and https are "
                "followed, and from https only https.",
                _ELSEWHERE,
            )
    raise ModelError(
        f"the hub redirects in circles: more than {_MOST_REDIRECTS} times for {url}.", _ELSEWHERE
    )


def _raise_for_status(response: Any) -> None:
    """Raise huggingface_hub's error for a status, of which an endless body would be no part."""
    from huggingface_hub.utils._http import hf_raise_for_status

    if response.status_code < 400:
        return
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > _ERROR_BYTES:
            break
    plain = [(k, v) for k, v in response.headers.items() if k.lower() != "content-encoding"]
    whole = type(response)(
        response.status_code, headers=plain, content=bytes(body), request=response.request
    )
    hf_raise_for_status(whole)


def fetch_file(
    url: str, part: Path, *, size: int, expected: str, clock: Clock, task: Task | None = None
) -> None:
    """Fetch a file, going on with what is there of it, and check that it is the right one.

    Args:
        url: Where it is.
        part: Where to put it; what is there of it already is its beginning.
        size: Bytes that it must have.
        expected: Its hash: SHA-256 of the content, or git's SHA-1 of a blob.
        clock: How long to wait.
        task: Moved on by the bytes.

    Raises:
        ModelError: What the hub sends is not what it announced; nothing is kept of what it sent.
        TimeoutError: The hub is too slow; what arrived is kept, as with every other error.
        Exception: As `receive`.
    """
    name = urlsplit(url).path.rpartition("/")[2]
    advance: Callable[[float], None] = task.advance if task else lambda amount: None
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    advance(have)
    failures = 0
    while have < size or not part.exists():
        before = have
        try:
            with (
                closing(_pieces(url, name, have, size, expected, clock)) as pieces,
                part.open("ab") as stream,
            ):
                for piece in pieces:
                    if piece is None:  # it is sent from the beginning
                        stream.truncate(0)
                        advance(-have)
                        have = 0
                        continue
                    stream.write(piece)
                    have += len(piece)
                    advance(len(piece))
            if have < size:
                raise EOFError(f"'{name}' ended after {have:,} of {size:,} bytes")
        except ModelError:
            if have != before:
                part.unlink()
            raise
        except Exception as error:
            failures = 0 if have > before else failures + 1
            if failures > _RETRIES or not _may_pass(error):
                raise
            time.sleep(min(clock.left(), 2.0**failures, 8.0))
            clock.check()
    if _hash(part, expected) != expected:
        part.unlink()
        raise ModelError(
            f"'{name}' arrived damaged: it does not have the hash that the hub announced.",
            "Run the same command again; the file is fetched anew.",
        )
    clock.advance(_FILE_CREDIT)


def _pieces(
    url: str, name: str, have: int, size: int, expected: str, clock: Clock
) -> Generator[bytes | None, None, None]:
    """What is missing of a file, in pieces; None first where the hub begins anew."""
    headers = {"Accept-Encoding": "identity"}  # compressed bytes could be neither counted nor kept
    if have:
        headers["Range"] = f"bytes={have}-"
    with closing(receive(url, clock, headers)) as items:
        for item in items:
            if isinstance(item, bytes):
                have += len(item)
                if have > size:
                    raise _not_as_announced(name, f"more than {size:,} bytes", size)
                yield item
                continue
            if item.hash is not None and item.hash != expected:
                raise ModelError(
                    f"the hub contradicts itself about '{name}': it lists the hash {expected} and "
                    f"sends {quoted(item.hash, 80)}"
                    f"{'' if is_hash(item.hash) else ', which is no hash'}.",
                    _ELSEWHERE,
                )
            if item.headers.get("Content-Type", "").startswith("text/html"):
                raise _not_as_announced(name, "a web page (HTML)", size)
            resumed = item.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            if have and not (item.status == 206 and resumed):
                have = 0
                yield None
            length = item.headers.get("Content-Length")
            if length is not None and have + int(length) != size:
                raise _not_as_announced(name, f"{have + int(length):,} bytes", size)


def _not_as_announced(name: str, sent: str, size: int) -> ModelError:
    return ModelError(
        f"the hub sends {sent} for '{name}', which it lists with {size:,} bytes.",
        f"A proxy, or a page to log in at, may stand between. {_ELSEWHERE}",
    )


def _may_pass(error: Exception) -> bool:
    """Whether the same request may go well in a while."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code in (408, 429)
    # The HTTP library is huggingface_hub's choice and has changed: its errors go by name.
    names = {base.__name__ for base in type(error).__mro__}
    broken = {"ConnectError", "ReadError", "RemoteProtocolError", "TimeoutException"}
    return isinstance(error, EOFError) or bool(names & broken)


def _hash(path: Path, like: str) -> str:
    """A file's hash of the kind of another: SHA-256, or git's SHA-1."""
    if len(like) == 64:
        return file_hash(path)
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: digest).hexdigest()


def why(error: BaseException) -> str:
    """Why a hub gave no usable answer, to follow 'the hub'."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "is not asked, because HF_HUB_OFFLINE is set"
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return f"answered with status {error.response.status_code}"
    if isinstance(error, TimeoutError):
        return f"is too slow: {first_line(error)}"
    transport = any(base.__name__ == "TransportError" for base in type(error).__mro__)
    if transport or isinstance(error, OSError):
        return f"cannot be reached: {first_line(error)}"
    return f"gave an answer that is not understood: {first_line(error)}"
