"""A small imitation of the model hub on this machine, for tests without a network.

It answers what huggingface_hub asks when it fetches a model, can be down, can break a download
off in the middle, and remembers every request.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, ClassVar, Final, Self
from urllib.parse import unquote, urlsplit

_DATE: Final = "2024-01-01T00:00:00.000Z"
_LARGE: Final = (".safetensors", ".bin", ".model", ".spm")
"""Files the hub keeps apart from the repository: their ETag is a SHA-256."""


@dataclass(frozen=True)
class Request:
    """One request the server got.

    Attributes:
        method: `GET` or `HEAD`.
        path: What was asked for, without the query.
        range: The Range header, None where there was none.
        sent: Bytes of the body that were sent.
        status: The status that was answered.
    """

    method: str
    path: str
    range: str | None
    sent: int
    status: int


@dataclass
class HubServer:
    """Serves folders as model repositories on a free port of 127.0.0.1.

    Use it in a `with` block, and set HF_ENDPOINT to `url` in the environment of the process that
    fetches (huggingface_hub reads it when it is imported).

    Attributes:
        repos: Repository id to the folder that is its main branch.
        proposals: Repository id to folders that the hub's conversion bot proposes for it, as
            `refs/pr/1`, `refs/pr/2`, ...
        gated: Repositories that may not be fetched.
        down: Answer everything with 503.
        cuts: File name to the number of bytes after which its next download breaks off, once.
        down_after_cut: A download that breaks off takes the hub down with it.
        twists: Repository id to what answers in the hub's place: it gets the handler and the path
            asked for, and says whether it has answered.
        requests: What was asked for, in order.
    """

    repos: Mapping[str, Path]
    proposals: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    gated: Sequence[str] = ()
    down: bool = False
    cuts: dict[str, int] = field(default_factory=dict)
    down_after_cut: bool = False
    twists: dict[str, Callable[[Any, str], bool]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"server_hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._lock = Lock()
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where the server answers, for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environment(self, home: Path) -> dict[str, str]:
        """Environment variables for a process that shall fetch from here into `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_XET": "1",
        }

    def fetched(self, name: str) -> list[Request]:
        """The downloads of a file, by its name, in order."""
        return [
            request
            for request in self.requests
            if request.method == "GET" and request.path.endswith(f"/{name}")
        ]

    def folder(self, repo: str, revision: str) -> Path | None:
        """The folder of a repository's revision: a branch, a proposal or a commit."""
        branches = {"main": self.repos[repo]} if repo in self.repos else {}
        for number, folder in enumerate(self.proposals.get(repo, ()), start=1):
            branches[f"refs/pr/{number}"] = folder
        commits = {commit(folder): folder for folder in branches.values()}
        return branches.get(revision) or commits.get(revision)

    def take_cut(self, name: str) -> int | None:
        """The bytes after which this download shall break off, and forget it."""
        with self._lock:
            cut = self.cuts.pop(name, None)
            self.down = self.down or (cut is not None and self.down_after_cut)
            return cut


def commit(folder: Path) -> str:
    """The commit id of a folder's present contents: 40 hexadecimal digits."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path in _files(folder):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server_hub: ClassVar[HubServer]
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if any(f"/{repo}/" in path and t(self, path) for repo, t in self.server_hub.twists.items()):
            return
        if self.server_hub.down:
            self._send(503, b"down")
        elif path.startswith("/api/models/"):
            self._api(path.removeprefix("/api/models/"))
        elif "/resolve/" in path:
            repo, _, rest = path[1:].partition("/resolve/")
            self._file(repo, rest)
        else:
            self._json(404, {"error": "not found"})

    def _api(self, path: str) -> None:
        for verb in ("/discussions", "/revision/", "/tree/"):
            repo, found, revision = path.partition(verb)
            if found:
                break
        else:
            repo, verb, revision = path, "/revision/", "main"
        if not self._allowed(repo):
            return
        folder = self.server_hub.folder(repo, revision or "main")
        if verb == "/discussions":
            self._discussions(repo)
        elif folder is None:
            self._json(404, {"error": "Revision Not Found"}, {"X-Error-Code": "RevisionNotFound"})
        elif verb == "/tree/":
            self._json(200, [_tree_entry(folder, path) for path in _files(folder)])
        else:
            siblings = [_sibling(folder, path) for path in _files(folder)]
            self._json(
                200, {"id": repo, "modelId": repo, "sha": commit(folder), "siblings": siblings,
                      "private": False, "tags": [], "lastModified": _DATE},
            )  # fmt: skip

    def _discussions(self, repo: str) -> None:
        proposals = self.server_hub.proposals.get(repo, ())
        discussions = [
            {
                "num": number,
                "title": "Adding `safetensors` variant of this model",
                "author": {"name": "SFconvertbot"},
                "createdAt": _DATE,
                "status": "open",
                "repo": {"name": repo, "type": "model"},
                "isPullRequest": True,
            }
            for number, _ in enumerate(proposals, start=1)
        ]
        self._json(200, {"discussions": discussions, "count": len(discussions), "start": 0})

    def _file(self, repo: str, rest: str) -> None:
        if not self._allowed(repo):
            return
        proposal = rest.startswith("refs/pr/")
        parts = rest.split("/", 3 if proposal else 1)
        revision, name = "/".join(parts[:-1]), parts[-1]
        folder = self.server_hub.folder(repo, revision)
        if folder is None or not (folder / name).is_file():
            self._json(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        content = (folder / name).read_bytes()
        headers = {"ETag": f'"{_etag(folder / name)}"', "X-Repo-Commit": commit(folder)}
        start = 0
        if asked := self.headers.get("Range"):
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.server_hub.take_cut(name) if self.command == "GET" else None
        self._send(206 if asked else 200, content[start:], headers, cut)

    def _allowed(self, repo: str) -> bool:
        if repo in self.server_hub.gated:
            self._json(403, {"error": "Access is restricted"}, {"X-Error-Code": "GatedRepo"})
            return False
        if repo not in self.server_hub.repos:
            self._json(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return False
        return True

    def listing(self, repo: str) -> dict[str, Any]:
        """What the hub truly says of a repository's main branch."""
        folder = self.server_hub.repos[repo]
        siblings = [_sibling(folder, path) for path in _files(folder)]
        return {"id": repo, "modelId": repo, "sha": commit(folder), "siblings": siblings,
                "private": False, "tags": [], "lastModified": _DATE}  # fmt: skip

    def _json(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "application/json"}
        self._send(status, json.dumps(body).encode(), {**kind, **(headers or {})})

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = b"" if self.command == "HEAD" else body[:cut]
        self.server_hub.requests.append(
            Request(
                self.command, urlsplit(self.path).path, self.headers.get("Range"), len(sent), status
            )
        )
        self.wfile.write(sent)
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _etag(path: Path) -> str:
    """As the hub's: SHA-256 of a large file, git's blob id of a small one."""
    content = path.read_bytes()
    if path.suffix in _LARGE:
        return hashlib.sha256(content).hexdigest()
    header = f"blob {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def _tree_entry(folder: Path, path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    entry: dict[str, Any] = {
        "type": "file",
        "path": path.relative_to(folder).as_posix(),
        "size": size,
        "oid": _etag(path)[:40],
    }
    if path.suffix in _LARGE:
        entry["lfs"] = {"oid": _etag(path), "size": size, "pointerSize": 134}
    return entry


def _sibling(folder: Path, path: Path) -> dict[str, Any]:
    """The same facts in the words of a model's description."""
    entry = _tree_entry(folder, path)
    sibling = {"rfilename": entry["path"], "size": entry["size"], "blobId": entry["oid"]}
    if "lfs" in entry:
        sibling["lfs"] = {**entry["lfs"], "sha256": entry["lfs"]["oid"]}
    return sibling
