"""A hub that is broken or means harm: a clear error in time, and nothing where it should not be.

One process fetches from all of them in turn, with short limits; the tests look at what came of it.
"""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.download import TIMEOUT, Clock, is_hash
from babelift.errors import ConfigError
from babelift.hub import _is_inside
from tests.support import HubServer, tiny_distilbert

SECONDS = 2.0
"""In which enough bytes must arrive."""
WEIGHTS = "model.safetensors"
POOLING = "1_Pooling/config.json"
ESCAPE = "../../../../../escaped"

FETCH = """
import json, sys, time
from babelift.errors import BabeliftError
from babelift.hub import fetch
for repo in sys.argv[1:]:
    start = time.monotonic()
    try:
        result = {"folder": str(fetch(repo, kind="encoder"))}
    except BabeliftError as error:
        result = {"error": str(error)}
    print(json.dumps({**result, "seconds": time.monotonic() - start}), flush=True)
"""

Twist = Callable[[Any, str], bool]


def raw(handler: Any, head: str, pieces: Any = ()) -> bool:
    """Answer with what is no proper answer, and end the connection."""
    handler.close_connection = True
    try:
        handler.wfile.write(head.replace("\n", "\r\n").encode() + b"\r\n")
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
    except OSError:  # nobody listens any more
        pass
    return True


def of_file(answer: Callable[[Any, bytes], Any]) -> Twist:
    """Of the weights' file alone."""

    def twist(handler: Any, path: str) -> bool:
        if not path.endswith(WEIGHTS):
            return False
        repo = path[1:].partition("/resolve/")[0]
        answer(handler, (handler.server_hub.repos[repo] / WEIGHTS).read_bytes())
        return True

    return twist


def of_listing(change: Callable[[dict[str, Any]], Any]) -> Twist:
    """Of what the hub says of a repository: `change` alters it, or gives something in its place."""

    def twist(handler: Any, path: str) -> bool:
        if "/revision/" not in path:
            return False
        listing = handler.listing(path.split("/revision/")[0].removeprefix("/api/models/"))
        other = change(listing)
        handler._json(200, listing if other is None else other)
        return True

    return twist


def entry(listing: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in listing["siblings"] if s["rfilename"] == WEIGHTS)
    return found


def added(*names: str, **values: Any) -> Twist:
    blob = {"size": 3, "blobId": "0" * 40, **values}
    return of_listing(lambda x: x["siblings"].extend({"rfilename": n, **blob} for n in names))


def endless(piece: bytes = b"x" * 65536, pause: float = 0.0) -> Iterator[bytes]:
    while True:
        yield piece
        time.sleep(pause)


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return (b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def header(name: str, value: str) -> Twist:
    def answer(handler: Any, content: bytes) -> None:
        head = f"HTTP/1.1 200 OK\n{name}: {value}\nContent-Length: {len(content)}\n"
        raw(handler, head, [content])

    return of_file(answer)


def body(pieces: Callable[[bytes], Any], *lines: str, status: str = "200 OK") -> Twist:
    def answer(handler: Any, content: bytes) -> None:
        head = [f"HTTP/1.1 {status}", *lines, ""]
        raw(handler, "\n".join(head).replace("SIZE", str(len(content))), pieces(content))

    return of_file(answer)


def redirect(target: str) -> Twist:
    return of_file(
        lambda handler, _: raw(
            handler, f"HTTP/1.1 302 Found\nLocation: {target}\nContent-Length: 0\n"
        )
    )


def dripping_head(handler: Any, content: bytes) -> None:
    raw(handler, "HTTP/1.1 200 OK", endless(b"X", 0.2))


LENGTH = "Content-Length: SIZE"
CHUNKS = "Transfer-Encoding: chunked"

ATTACKS: dict[str, tuple[Twist, str]] = {
    "linked-etag-out": (header("X-Linked-Etag", f'"{ESCAPE}"'), "which is no hash"),
    "etag-out": (header("ETag", f'W/"{ESCAPE}"'), "which is no hash"),
    "etag-other": (header("ETag", f'"{"0" * 64}"'), "contradicts itself"),
    "etag-40": (header("ETag", '"abc"'), "which is no hash"),
    "sha256-out": (
        of_listing(lambda x: entry(x)["lfs"].update(sha256=ESCAPE)), "which is no hash"),
    "blob-out": (added("vocab.txt", blobId=ESCAPE), "which is no hash"),
    "hash-missing": (added("vocab.txt", blobId=None), "which is no hash"),
    "pooling-blob-out": (added(POOLING, blobId=ESCAPE), "which is no hash"),
    "pooling-size": (added(POOLING, size=-3), "with a size of '-3'"),
    "pooling-hash-wrong": (added(POOLING, size=2), "was interrupted"),
    "pooling-up": (added("1_Pooling/../../../escaped/config.json"), "outside the repository"),
    "commit-out": (of_listing(lambda x: x.update(sha=ESCAPE)), "which is no hash"),
    "hash-wrong": (body(lambda c: [b"x" * len(c)], LENGTH), "arrived damaged"),
    "hash-listed-wrong": (
        of_listing(lambda x: entry(x)["lfs"].update(sha256="0" * 64)), "contradicts itself"),
    "short": (body(lambda c: [c[:1000]], LENGTH), "was interrupted"),
    "short-chunked": (
        body(lambda c: [*chunked(iter([c[:1000]])), b"0\r\n\r\n"], CHUNKS), "was interrupted"),
    "length-small": (body(lambda c: [c[:1000]], "Content-Length: 1000"), "sends 1,000 bytes"),
    "length-large": (
        body(lambda c: [c, b"x" * 9], "Content-Length: 99999999"), "sends 99,999,999 bytes"),
    "endless": (body(lambda c: endless()), "sends more than"),
    "endless-chunked": (body(lambda c: chunked(endless()), CHUNKS), "sends more than"),
    "gzip": (
        body(lambda c: [gzip.compress(c)], "Content-Encoding: gzip"), "was interrupted"),
    "drip": (body(lambda c: endless(b"x", 0.1), LENGTH), "bytes arrived in 2 seconds"),
    "drip-chunked": (
        body(lambda c: chunked(endless(b"x", 0.1)), CHUNKS), "bytes arrived in 2 seconds"),
    "drip-head": (of_file(dripping_head), "bytes arrived in 2 seconds"),
    "silence": (body(lambda c: endless(b"", 0.5), LENGTH), "was interrupted"),
    "page": (
        body(lambda c: [b"<html>log in</html>"], "Content-Type: text/html; charset=utf-8",
             "Content-Length: 19"), "a web page (HTML)"),
    "status-500": (body(lambda c: [], "Content-Length: 0", status="500 No"), "500"),
    "status-500-endless": (body(lambda c: endless(), status="500 No"), "500"),
    "redirect-file": (redirect("file:///etc/passwd"), "only http and https are followed"),
    "redirect-ftp": (redirect("ftp://127.0.0.1/x"), "only http and https are followed"),
    "redirect-data": (redirect("data:text/plain,x"), ""),
    "redirect-loop": (
        of_file(lambda h, c: raw(
            h, f"HTTP/1.1 302 Found\nLocation: {h.path}\nContent-Length: 0\n")),
        "redirects in circles"),
    "name-up": (added("../../../escaped.safetensors"), "outside the repository"),
    "name-shard": (added(f"model-/{ESCAPE}-of-1.safetensors"), "outside the repository"),
    "name-absolute": (added("/tmp/escaped"), "outside the repository"),
    "name-windows": (added("..\\..\\escaped"), "outside the repository"),
    "name-drive": (added("C:escaped"), "outside the repository"),
    "name-zero": (added("model\0.safetensors"), "outside the repository"),
    "name-none": (added(""), "outside the repository"),
    "many-parts": (
        added(*(f"model-{n:06}-of-100000.safetensors" for n in range(100_000))), "100,00"),
    "size-huge": (of_listing(lambda x: entry(x).update(size=10**18)), "are free"),
    "size-negative": (of_listing(lambda x: entry(x).update(size=-1)), "a size of '-1'"),
    "size-text": (of_listing(lambda x: entry(x).update(size="5")), "a size of '5'"),
    "listing-list": (of_listing(lambda x: []), "not understood"),
    "listing-empty": (of_listing(lambda x: {}), "not understood"),
    "listing-entries": (of_listing(lambda x: {**x, "siblings": [1]}), "not understood"),
}  # fmt: skip


def api(pieces: Callable[[], Any], *lines: str, status: str = "200 OK") -> Twist:
    def twist(handler: Any, path: str) -> bool:
        return path.startswith("/api/") and raw(
            handler, "\n".join([f"HTTP/1.1 {status}", *lines, ""]), pieces()
        )

    return twist


ATTACKS |= {
    "api-endless": (api(lambda: endless()), "is longer than"),
    "api-drip": (api(lambda: endless(b" ", 0.1)), "is too slow"),
    "api-page": (
        api(lambda: [b"<html>"], "Content-Type: text/html", "Content-Length: 6"), "not understood"),
    "api-500": (api(lambda: [], "Content-Length: 0", status="500 No"), "status 500"),
    "api-deep": (
        api(lambda: [b"[" * 100_000], "Content-Length: 100000"), "not understood"),
    "api-file": (
        api(lambda: [], "Location: file:///etc/passwd", "Content-Length: 0", status="302 No"),
        "only http and https are followed"),
}  # fmt: skip

FINE: dict[str, Twist] = {
    "many-others": added(*(f"data/{n:06}.json" for n in range(100_000))),
    "pooling-elsewhere": added("1_Pooling/x.safetensors", "x/1_Pooling/config.json", blobId="no"),
    "many-at-top": added(*(f"{n:06}.json" for n in range(100_000))),
    "redirect-store": of_file(
        lambda handler, content: raw(
            handler,
            f'HTTP/1.1 302 Found\nX-Linked-Etag: "{hashlib.sha256(content).hexdigest()}"\n'
            f"Location: /plain/resolve/main/{WEIGHTS}\nContent-Length: 0\n",
        )
    ),
}


@dataclass
class Outcome:
    """What came of fetching from each of the hubs, and where."""

    root: Path
    home: Path
    results: dict[str, dict[str, Any]]
    again: dict[str, dict[str, Any]]
    weights: bytes


def fetch_all(hub: HubServer, home: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    environment = {
        **os.environ, **hub.environment(home), TIMEOUT: str(SECONDS), "OMP_NUM_THREADS": "1",
        "BABELIFT_CACHE": str(home.parent / "babelift"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", FETCH, *(f"a/{name}" for name in names)],
        env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, done.stdout.splitlines())
    return dict(zip(names, lines, strict=True))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    root = tmp_path_factory.mktemp("hostile")
    home = root / "some" / "where" / "deep" / "home"
    model = tiny_distilbert(root.parent / f"{root.name}-model")
    names = [*ATTACKS, *FINE]
    with HubServer({f"a/{name}": model for name in names} | {"plain": model}) as hub:
        hub.twists = {f"a/{name}": twist for name, (twist, _) in ATTACKS.items()}
        hub.twists |= {f"a/{name}": twist for name, twist in FINE.items()}
        results = fetch_all(hub, home, names)
        hub.twists.clear()
        again = fetch_all(hub, home, list(ATTACKS))
    return Outcome(root, home, results, again, (model / WEIGHTS).read_bytes())


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_a_clear_error_in_time(outcome: Outcome, name: str) -> None:
    result = outcome.results[name]
    assert "error" in result, result
    assert ATTACKS[name][1] in result["error"]
    assert f"a/{name}" in result["error"] or WEIGHTS in result["error"]
    assert result["seconds"] < 6 * SECONDS


@pytest.mark.parametrize("name", ATTACKS)
def test_the_next_run_gets_the_whole_model(outcome: Outcome, name: str) -> None:
    first, result = outcome.results[name], outcome.again[name]
    if "error" in result:  # what was left of the attack is thrown away now, and said
        assert "arrived damaged" in result["error"]
        assert name in ("drip", "drip-chunked", "gzip")
        return
    assert "error" in first
    assert (Path(result["folder"]) / WEIGHTS).read_bytes() == outcome.weights


@pytest.mark.parametrize("name", FINE)
def test_what_is_only_large_or_redirected_is_fetched(outcome: Outcome, name: str) -> None:
    assert (Path(outcome.results[name]["folder"]) / WEIGHTS).read_bytes() == outcome.weights


def test_nothing_is_written_outside_the_cache(outcome: Outcome) -> None:
    allowed = (outcome.home, outcome.home.parent / "babelift")
    for path in outcome.root.rglob("*"):
        inside = any(path == a or a in path.parents or path in a.parents for a in allowed)
        assert inside, path
        assert "escaped" not in path.name
    for blob in outcome.home.glob("hub/*/blobs/*"):
        assert is_hash(blob.name.removesuffix(".part"))
        if len(blob.name) == 64:
            assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name


@given(st.text(st.sampled_from("ab./\\:\0C"), max_size=12))
def test_a_name_that_is_inside_stays_inside(name: str) -> None:
    if _is_inside(name):
        assert os.path.normpath(name) == name
        assert os.path.normpath(f"/root/{name}") != "/root"
        assert os.path.normpath(f"/root/{name}").startswith("/root/")


@pytest.mark.parametrize("setting", ["", "x", "0", "-1", "nan", "inf"])
def test_the_limit_is_a_number_of_seconds(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT, setting)
    if not setting:
        assert Clock().seconds == 30
        return
    with pytest.raises(ConfigError, match=f"{TIMEOUT} must be a number of seconds above 0"):
        Clock()
