"""Questions to a service, asked again where that may help, and what its refusals mean."""

import json
import random
import re
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from socket import gaierror
from threading import Event, Lock
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlsplit

from babelift import __version__
from babelift.errors import TranslationError, quoted
from babelift.redaction import LEFT_OUT, scrubbed
from babelift.translation.engines.addresses import Address, read_key
from babelift.translation.engines.exchange import Answer, exchange

TRIES: Final = 8
"""How often a question is asked that a service cannot answer at the moment."""

_TRIES_AT_NONSENSE: Final = 3
_LONGEST_WAIT: Final = 60.0
_MOST_PATIENCE: Final = 300.0
"""Seconds that a service may ask us to wait."""

MOST_BYTES: Final = 8 * 2**20
_TOO_BUSY: Final = frozenset({408, 425, 429})
_NEVER: Final = frozenset({501, 505})
_USED_UP: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_AGAIN: Final = "What is finished is kept: run the same command again to go on from there."

T = TypeVar("T")


def pause(seconds: float, stopped: Event) -> None:
    """Wait; tests put something else in its place."""
    stopped.wait(seconds)


class RefusedError(TranslationError):
    """A service refuses a request, and would refuse it again.

    Attributes:
        status: Its HTTP status.
        code: Its own word for the reason, empty where it gives none.
        said: What it says.
    """

    def __init__(self, message: str, hint: str, status: int, code: str, said: str) -> None:
        super().__init__(message, hint)
        self.status, self.code, self.said = status, code, said


class _AgainError(Exception):
    """It may help to ask again."""

    def __init__(self, reason: str, wait: float | None = None, tries: int = TRIES) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.tries = reason, wait, tries


class StoppedError(Exception):
    """Nobody waits for the answer any more."""


class Client:
    """Asks one service; several threads may use it at the same time.

    Args:
        translator: Its name, for errors.
        address: Where the service answers.
        variable: Name of the environment variable that holds the key.
        timeout: Seconds for a whole answer.
        count: Called with the number of every question's try, from 0.
    """

    def __init__(
        self,
        translator: str,
        address: Address,
        variable: str,
        timeout: float,
        count: Callable[[int], None] = lambda attempt: None,
    ) -> None:
        self.translator, self.address, self.variable = translator, address, variable
        self._timeout, self._count = timeout, count
        self._lock = Lock()
        self._open_at = 0.0  # on the monotonic clock: when the service may be asked again
        self._answered = False

    @property
    def key(self) -> str | None:
        """The key, read anew, so that nothing holds it."""
        return read_key(self.variable, self.translator)

    def ask(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], T],
        *,
        stopped: Event,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        most: int = MOST_BYTES,
    ) -> T:
        """Ask until there is an answer, or none is to be hoped for.

        Args:
            method: `GET` or `POST`.
            path: After the address's own.
            read: Makes the result of an answer's bytes; a ValueError says that it is no answer.
            stopped: Set where nobody waits for the answer any more.
            body: Sent as JSON, or as it is where it is bytes.
            headers: More of them, such as the one with the key.
            most: Bytes that the answer may have.

        Raises:
            RefusedError: The service refuses it.
            TranslationError: The service cannot be reached or makes no sense.
            StoppedError: `stopped` is set.
        """
        content = body if isinstance(body, bytes) else _as_json(body)
        sent = {
            "Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close",
            "Content-Type": "application/json", "User-Agent": f"babelift/{__version__}",
            **(headers or {}),
        }  # fmt: skip
        attempt = 0
        while True:
            self._take_turn(stopped)
            self._count(attempt)
            try:
                result = read(self._answer(method, path, content, sent, most))
                self._answered = True
                return result
            except _AgainError as error:
                fault = error
            # First: a certificate that is not trusted is a ValueError too.
            except (OSError, HTTPException) as error:
                fault = self._broken(error)
            except (ValueError, RecursionError) as error:
                why = self._hush(str(error))[:300] or "it is no JSON"
                fault = _AgainError(f"gives no answer: {why}", tries=_TRIES_AT_NONSENSE)
            attempt += 1
            if attempt >= fault.tries:
                self._give_up(f"{fault.reason}, {attempt} times in a row")
            self._wait(fault, attempt, stopped)

    def _take_turn(self, stopped: Event) -> None:
        with self._lock:
            left = self._open_at - time.monotonic()
        if left > 0:
            pause(left, stopped)
        if stopped.is_set():
            raise StoppedError

    def _wait(self, fault: _AgainError, attempt: int, stopped: Event) -> None:
        """Longer each time, and never all threads at once; a service's own word counts."""
        wait = min(_LONGEST_WAIT, 2.0 ** (attempt - 1)) * (0.5 + random.random() / 2)
        if fault.wait is not None:
            if fault.wait > _MOST_PATIENCE:
                self._give_up(f"{fault.reason}, and asks to wait {fault.wait:,.0f} seconds")
            wait = max(wait, fault.wait)
            with self._lock:  # for all threads
                self._open_at = max(self._open_at, time.monotonic() + wait)
        pause(wait, stopped)

    def _give_up(self, reason: str, hint: str = _AGAIN) -> NoReturn:
        # What went before may hold the key: no trace shows it.
        raise TranslationError(
            f"translator '{self.translator}': {self.address.host} {reason}.", hint
        ) from None

    def _broken(self, error: Exception) -> _AgainError:
        """What a fault of the connection means."""
        why = self._hush(str(error))[:300] or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            self._give_up(
                f"has a certificate that is not trusted ({why})",
                "Is the address right? For a certificate of your own set SSL_CERT_FILE.",
            )
        never = gaierror | ConnectionRefusedError | ssl.SSLError
        if isinstance(error, never) and not self._answered:
            self._give_up(f"cannot be reached ({why})", "Is the address right, and does it run?")
        if isinstance(error, TimeoutError):
            return _AgainError(f"gave no whole answer in {self._timeout:g} seconds")
        return _AgainError(f"broke off ({why})")

    def _answer(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], most: int
    ) -> bytes:
        """One exchange; the body of an answer that is one."""
        answer = exchange(
            self.address, method, path, body, headers, timeout=self._timeout, most=most
        )
        answer = answer._replace(content=self._unkeyed(answer.content))
        if answer.status >= 300:
            self._refuse(answer)
        return answer.content

    def _refuse(self, answer: Answer) -> NoReturn:
        """Raise what an answer means that is none."""
        status = answer.status
        if status < 400:
            raise self._refused(status, "", f"it sends us on to {self._target(answer)}")
        code, said = (self._hush(word)[:300] for word in _reason(answer.content))
        if (status in _TOO_BUSY or (status >= 500 and status not in _NEVER)) and (
            code not in _USED_UP
        ):
            wait = _retry_after(answer.headers.get("Retry-After"))
            raise _AgainError(f"answers {status}{said and f': {quoted(said)}'}", wait)
        raise self._refused(status, code, said)

    def _target(self, answer: Answer) -> str:
        try:
            host = urlsplit(answer.headers.get("Location", "")).hostname
        except ValueError:
            host = None
        return self._hush(host or "nowhere")[:100]

    def _refused(self, status: int, code: str, said: str) -> RefusedError:
        message = (
            f"translator '{self.translator}': {self.address.host} refuses the request ({status})"
            f"{said and f': {quoted(said)}'}."
        )
        return RefusedError(message, self._hint(status, code), status, code, said)

    def _hint(self, status: int, code: str) -> str:
        if status < 400:
            return "Nothing was sent there, least of all a key. Name the address that is meant."
        if status in (402, 456) or code in _USED_UP:
            return f"Its quota or credit is used up. {_AGAIN}"
        if status in (401, 403):
            there = "is not right for this service" if self.key else "is not set"
            return f"The key comes from the environment variable {self.variable}, which {there}."
        if status == 404:
            return "Is there such a model, and is the path of the address right? Often it is /v1."
        if status == 413:
            return "Try a smaller --batch-tokens."
        return f"If it is for one text, leave that out. {_AGAIN}"

    def _hush(self, text: str) -> str:
        """What a service says, without a key that it repeats."""
        key = self.key
        return scrubbed(text.replace(key, LEFT_OUT) if key else text)

    def _unkeyed(self, content: bytes) -> bytes:
        """Bytes without the key, before anything is cut off in its midst."""
        key = self.key
        return content.replace(key.encode(), LEFT_OUT.encode()) if key else content

    def json(self, content: bytes) -> Any:
        """JSON without the key, which may have been written with escapes.

        Raises:
            ValueError: It is none.
            RecursionError: It is nested too deep.
        """
        value, key = parsed(content), self.key
        return _without(value, key) if key else value


def _without(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return value.replace(key, LEFT_OUT)
    if isinstance(value, dict):
        return {name.replace(key, LEFT_OUT): _without(part, key) for name, part in value.items()}
    return [_without(part, key) for part in value] if isinstance(value, list) else value


def parsed(content: bytes) -> Any:
    """JSON, however deep or broken it is.

    Raises:
        ValueError: It is none.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except ValueError:
        start = content[:80].decode("utf-8", "replace")
        raise ValueError(f"it is no JSON, but {quoted(start)}") from None


def _as_json(body: Any) -> bytes:
    # ASCII: also halves of surrogate pairs, which UTF-8 cannot hold, become something.
    return b"" if body is None else json.dumps(body).encode("ascii")


def _retry_after(value: str | None) -> float | None:
    """The seconds that a service asks to wait: a number or a date; None where it says neither.

    >>> _retry_after("7"), _retry_after("1.5"), _retry_after("soon"), _retry_after(None)
    (7.0, 1.5, None, None)
    >>> _retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), _retry_after("-3")
    (0.0, None)
    """
    if value is None:
        return None
    if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _reason(content: bytes) -> tuple[str, str]:
    """A service's code and words for an error, from whatever it sent.

    >>> _reason(b'{"error": {"message": "Slow down.", "code": "rate"}}')
    ('rate', 'Slow down.')
    >>> _reason(b'{"message": "Quota Exceeded"}'), _reason(b"<html>Bad gateway</html>")
    (('', 'Quota Exceeded'), ('', 'Bad gateway'))
    """
    text = content.decode("utf-8", "replace")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    code = ""
    if isinstance(answer, dict):
        fault = answer.get("error", answer)
        if isinstance(fault, dict):
            words = (fault.get("message"), fault.get("detail"), answer.get("message"))
            text = next((word for word in words if isinstance(word, str)), "")
            code = str(fault.get("code") or fault.get("type") or "")
        else:
            text = str(fault)
    return code, " ".join(re.sub(r"<[^>]*>", " ", text).split())
