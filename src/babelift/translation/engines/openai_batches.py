"""OpenAI's batch endpoint: a file of requests, answered within a day at half the price.

What was handed in is noted in the cache until its answers have been taken, so that a run that was
killed waits for the same batch, and pays once.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from babelift.errors import TranslationError
from babelift.store import cache_dir, write_json
from babelift.translation.engines import client
from babelift.translation.engines.client import MOST_BYTES, RefusedError, parsed
from babelift.translation.engines.service import UnfitError
from babelift.translation.protocol import Translation

if TYPE_CHECKING:
    from babelift.translation.engines.openai import Chat

_MOST_BYTES: Final = 512 * 2**20
_MOST_ROUNDS: Final = 3
_FEW: Final = 4
_PAUSE: Final = 30.0
"""Seconds between two looks at a batch."""

_OPEN: Final = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_ENDED: Final = frozenset({"completed", "expired", "cancelled"})
_ENDPOINT: Final = "/v1/chat/completions"

Texts = Sequence[str]


def translate_batches(
    chat: "Chat", batches: Sequence[Texts], source_lang: str, target_lang: str
) -> Iterator[list[Translation]]:
    """The translations of all batches, handed in together.

    The first is asked for directly, so that a wrong key, model or address shows at once, not in a
    day; so are a few alone, for which nobody wants to wait so long. What comes back without an
    answer is handed in again; what comes back with one that does not hold what was asked is asked
    for directly.

    Raises:
        TranslationError: The service has no such endpoint, or does not finish.
    """
    stopped = Event()
    job = _Job(chat, batches[1:], (source_lang, target_lang), stopped)
    try:
        for texts in batches[:1]:
            yield job.directly(texts)
        job.take_pending()
        for _ in range(_MOST_ROUNDS):
            left = [key for key in job.texts if key not in job.made]
            if len(left) > _FEW:
                job.hand_in(left)
                job.take_pending()
        for key, texts in job.texts.items():
            yield job.made.get(key) or job.directly(texts)
        job.forget()
    finally:
        stopped.set()


class _Job:
    """The texts of one pair: what is at the service, and what came back.

    Args:
        chat: Who asks.
        batches: Texts of one request each.
        pair: The texts' language, and what they are translated into.
        stopped: As in `Client.ask`.

    Attributes:
        texts: Those of each request, by their hash.
        made: Their translations, as far as they came.
    """

    def __init__(
        self, chat: "Chat", batches: Sequence[Texts], pair: tuple[str, str], stopped: Event
    ) -> None:
        self._chat, self._pair, self._stopped = chat, pair, stopped
        self.texts = {_hash(chat.fingerprint, *pair, *texts): texts for texts in batches}
        self.made: dict[str, list[Translation]] = {}
        self._taken: list[Path] = []
        self._folder = cache_dir() / "batches"
        self._folder.mkdir(exist_ok=True)

    def directly(self, texts: Texts) -> list[Translation]:
        """Ask for texts at once, at the full price."""
        return self._chat.whole(texts, *self._pair, self._stopped)

    def hand_in(self, keys: Sequence[str]) -> None:
        """Hand in a file of requests; the note says first what is about to be done."""
        mark = secrets.token_hex(16)
        note = self._folder / f"{mark}.json"
        noted = {"mark": mark, "requests": list(keys)}
        write_json(noted, note)
        lines = (
            {"custom_id": key, "method": "POST", "url": _ENDPOINT,
             "body": self._chat.request(self.texts[key], *self._pair)}
            for key in keys
        )  # fmt: skip
        file = self._upload("\n".join(map(json.dumps, lines)).encode("ascii"))
        asked = {"input_file_id": file, "endpoint": _ENDPOINT, "completion_window": "24h",
                 "metadata": {"babelift": mark}}  # fmt: skip
        write_json({**noted, "id": self._state("POST", "/batches", asked)["id"]}, note)

    def take_pending(self) -> None:
        """Wait for what was handed in of these texts, also by runs that were killed."""
        for note in sorted(self._folder.glob("*.json")):
            noted = _read_note(note)
            if note in self._taken or self.texts.keys().isdisjoint(noted["requests"]):
                continue
            state = self._look(noted)
            while state is not None and state.get("status") in _OPEN:
                client.pause(_PAUSE, self._stopped)
                state = self._state("GET", f"/batches/{state['id']}")
            if state is None or state.get("status") not in _ENDED:
                note.unlink(missing_ok=True)
            if state is None:
                continue
            if state.get("status") not in _ENDED:
                raise TranslationError(
                    f"translator '{self._chat.name}': the batch has failed: "
                    f"{json.dumps(state.get('errors'))[:300]}.",
                    "Leave --batch-api out, or see at the service why.",
                )
            self._take(state.get("output_file_id"))
            self._taken.append(note)

    def forget(self) -> None:
        """All that was taken is in the memory."""
        for note in self._taken:
            note.unlink(missing_ok=True)

    def _take(self, file: Any) -> None:
        """Take a file of answers; those that were not asked for, or came before, are left out."""
        content = b"" if file is None else self._ask("GET", f"/files/{_name(file)}/content", bytes)
        for line in content.splitlines():
            try:
                row = parsed(line)
                key, response = row["custom_id"], row["response"]
                if response["status_code"] != 200 or key in self.made or key not in self.texts:
                    continue
                choice = self._chat.read(json.dumps(response["body"]).encode())
                made = self._chat.translations(choice, self.texts[key], self._pair[1])
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
            except UnfitError:
                made = self.directly(self.texts[key])
            else:
                self._chat.count_texts(self.texts[key], made)
            self.made[key] = made

    def _look(self, noted: Mapping[str, Any]) -> dict[str, Any] | None:
        """A batch that was handed in, where the service knows it."""
        if "id" not in noted:
            # Killed between handing in and noting it down: the batch bears our mark.
            listed = self._ask("GET", "/batches?limit=100", self._chat.client.json)
            rows = listed.get("data") if isinstance(listed, dict) else None
            for state in rows if isinstance(rows, list) else ():
                metadata = state.get("metadata") if isinstance(state, dict) else None
                if isinstance(metadata, dict) and metadata.get("babelift") == noted.get("mark"):
                    return _named(state)
            return None
        try:
            return self._state("GET", f"/batches/{_name(noted['id'])}")
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def _upload(self, content: bytes) -> str:
        boundary = secrets.token_hex(16)
        part = f"--{boundary}\r\nContent-Disposition: form-data; name="
        head = (
            f'{part}"purpose"\r\n\r\nbatch\r\n{part}"file"; filename="babelift.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            return str(self._state("POST", "/files", body, kind)["id"])
        except RefusedError as error:
            if error.status not in (404, 405):
                raise
            raise TranslationError(
                f"translator '{self._chat.name}': its service has no batch endpoint.",
                "Leave --batch-api out.",
            ) from None

    def _state(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        state: dict[str, Any] = self._ask(
            method, path, lambda content: _named(self._chat.client.json(content)), body, headers
        )
        return state

    def _ask(
        self,
        method: str,
        path: str,
        read: Any,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        most = _MOST_BYTES if path.endswith("/content") else MOST_BYTES
        return self._chat.client.ask(
            method, path, read, stopped=self._stopped, body=body, most=most,
            headers={**self._chat.headers, **(headers or {})},
        )  # fmt: skip


def _name(value: Any) -> str:
    """The name of a file or batch, which goes into a path.

    Raises:
        TranslationError: It is none.
    """
    if not isinstance(value, str) or not value.replace("-", "").replace("_", "").isalnum():
        raise TranslationError(
            "the batch endpoint answers without the id of a file or batch that it should have.",
            "Leave --batch-api out.",
        )
    return value


def _named(state: Any) -> dict[str, Any]:
    named: dict[str, Any] = state if isinstance(state, dict) else {}
    _name(named.get("id"))
    return named


def _read_note(path: Path) -> dict[str, Any]:
    try:
        noted = json.loads(path.read_bytes())
        return {**noted, "requests": list(noted["requests"])}
    except (OSError, ValueError, TypeError, KeyError):
        return {"requests": []}


def _hash(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:32]
