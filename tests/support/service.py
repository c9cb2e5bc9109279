"""Translation services on this machine, for tests: OpenAI's API, LibreTranslate's and DeepL's.

They answer as the real ones do, and misbehave where a test says so.
"""

import json
import re
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Asked:
    """One request that came.

    Attributes:
        method: `GET` or `POST`.
        path: With its query.
        headers: By their names in lower case.
        body: From JSON where it is that.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def texts(self) -> list[str]:
        """The texts that it asks a translation of."""
        if not isinstance(self.body, dict):
            return []
        if "messages" in self.body:
            return asked_of(self.body)
        return list(self.body.get("q") or self.body.get("text") or [])


Fault = Callable[["Handler"], None]
"""Answers in the service's place."""


@dataclass
class Service:
    """All three services on a free port of 127.0.0.1; use it in a `with` block.

    Attributes:
        translate: Makes a translation.
        say: Makes what the language model writes out of the translations, numbered from 1 or one.
        faults: What answers the next requests for translations; None for the service itself.
        always: Answers all of them that no other fault does.
        languages: Codes that LibreTranslate and DeepL list.
        requests: What was asked, in order.
        batches: Batches that were handed in, by id: their state and the file of answers.
        looks: How often a batch must be looked at until it is done.
        missing: Paths that are not there.
        lost: Numbers of requests in batches that are not answered, each once.
        free: Set to let requests be answered; where it is not, they wait.
    """

    translate: Callable[[str], str] = lambda text: text.upper()
    say: Callable[[Any], str] | None = None
    faults: deque[Fault | None] = field(default_factory=deque)
    always: Fault | None = None
    languages: tuple[str, ...] = ("en", "de", "ja", "zh-Hans", "nb")
    requests: list[Asked] = field(default_factory=list)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    looks: int = 2
    missing: tuple[str, ...] = ()
    lost: set[int] = field(default_factory=set)
    usage: Any = field(default_factory=lambda: {"prompt_tokens": 10, "completion_tokens": 7})

    def __enter__(self) -> Self:
        handler = type("Handler", (Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *anything: None  # type: ignore[method-assign]
        self.lock, self.stopped, self.free = Lock(), Event(), Event()
        self.free.set()
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stopped.set()
        self.free.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def secure(self, certificate: Path, key: Path) -> None:
        """Speak TLS from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def chat(self) -> str:
        """The translator that asks it as a language model."""
        return f"openai:tiny@{self.url}/v1"

    @property
    def translated(self) -> list[Asked]:
        """The requests for translations."""
        return [asked for asked in self.requests if asked.texts]

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the chat answers."""
        made = {str(n): self.translate(t) for n, t in enumerate(asked_of(body), start=1)}
        single = not body["messages"][1]["content"].startswith("{\n")
        answer: Any = made["1"] if single else made
        if self.say is not None:
            content = self.say(answer)
        else:
            content = answer if single else json.dumps(answer, ensure_ascii=False)
        return completion(content, usage=self.usage)


def completion(content: Any, ended: str = "stop", **more: Any) -> dict[str, Any]:
    """A chat completion with one choice."""
    message = {"role": "assistant", "content": content}
    return {"choices": [{"index": 0, "message": message, "finish_reason": ended}], **more}


def asked_of(body: dict[str, Any]) -> list[str]:
    """The texts in a chat request."""
    content = body["messages"][1]["content"]
    return list(json.loads(content).values()) if content.startswith("{\n") else [content]


def sends(status: int, body: Any = b"", **headers: str) -> Fault:
    """Answers with this status and body; a header's underscores become hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.send(status, content, named)


def says(content: Any, ended: str = "stop") -> Fault:
    """The language model writes this."""
    return sends(200, completion(content, ended))


def resets(handler: "Handler") -> None:
    """Resets the connection."""
    option = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
    handler.close_connection = True
    handler.connection.close()


def cut(handler: "Handler") -> None:
    """Breaks off in the middle of the body."""
    handler.send(200, b'{"choices": [', {"Content-Length": "5000"})
    handler.close_connection = True


def drips(handler: "Handler") -> None:
    """Sends a byte now and then, in the midst of the headers, and comes to no end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.service.stopped.wait(0.02):
        handler.wfile.write(b"a")
        handler.wfile.flush()


def floods(handler: "Handler") -> None:
    """Sends a body that does not end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while not handler.service.stopped.is_set():
        handler.wfile.write(b"[" * 2**16)


class Handler(BaseHTTPRequestHandler):
    """Answers for a `Service`."""

    service: ClassVar[Service]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_CONNECT(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.service.requests.append(Asked("CONNECT", self.path, headers, None))
        self.send(407, b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""

    def send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, content: bytes) -> None:
        service = self.service
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = content
        self.headers_seen = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, self.headers_seen, body)
        with service.lock:
            service.requests.append(asked)
            fault = service.faults.popleft() if asked.texts and service.faults else None
        service.free.wait()
        if asked.texts and (fault := fault or service.always) is not None:
            fault(self)
            return
        answer = self._of(self.command, self.path.partition("?")[0], body)
        if isinstance(answer, bytes):
            self.send(200, answer)
        else:
            known = answer is not None
            self.send(
                200 if known else 404, json.dumps(answer or {"error": "no such path"}).encode()
            )

    def _of(self, method: str, path: str, body: Any) -> Any:
        service = self.service
        if path in service.missing:
            return None
        if path == "/v1/chat/completions":
            return service.completion(body)
        if path == "/translate":
            return {"translatedText": [service.translate(text) for text in body["q"]]}
        if path == "/languages":
            listed = list(service.languages)
            return [{"code": code, "name": code, "targets": listed} for code in listed]
        if path == "/v2/languages":
            target = "type=target" in self.path
            codes = ["DE", "JA", "ZH", *(["EN-GB", "EN-US"] if target else ["EN"])]
            return [{"language": code, "name": code} for code in codes]
        if path == "/v2/translate":
            return {"translations": [
                {"detected_source_language": "EN", "text": service.translate(text),
                 "billed_characters": len(text)} for text in body["text"]
            ]}  # fmt: skip
        return self._of_batches(method, path, body)

    def _of_batches(self, method: str, path: str, body: Any) -> Any:
        service = self.service
        if path == "/v1/files":
            content = re.search(rb"jsonl\r\n\r\n(.*)\r\n--", body, re.DOTALL)
            assert content is not None
            name = f"file-{len(service.files)}"
            service.files[name] = content[1]
            return {"id": name}
        if path == "/v1/batches" and method == "POST":
            name = f"batch_{len(service.batches)}"
            service.batches[name] = {"id": name, "status": "in_progress", "left": service.looks,
                                     "output_file_id": f"{name}-out", **body}  # fmt: skip
            return service.batches[name]
        if path == "/v1/batches":
            return {"data": list(service.batches.values())}
        if match := re.fullmatch(r"/v1/batches/(\w+)", path):
            batch = service.batches.get(match[1])
            if batch is not None and batch["status"] == "in_progress":
                batch["left"] -= 1
                if batch["left"] <= 0:
                    self._finish(batch)
            return batch
        if match := re.fullmatch(r"/v1/files/([\w-]+)/content", path):
            return service.files.get(match[1])
        return None

    def _finish(self, batch: dict[str, Any]) -> None:
        service = self.service
        lines = []
        for number, line in enumerate(service.files[batch["input_file_id"]].splitlines()):
            asked = json.loads(line)
            if number in service.lost:
                service.lost.discard(number)
                continue
            response = {"status_code": 200, "body": service.completion(asked["body"])}
            lines.append(json.dumps({"custom_id": asked["custom_id"], "response": response}))
        service.files[batch["output_file_id"]] = "\n".join(reversed(lines)).encode()
        batch["status"] = "completed"


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what another process or thread does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)
