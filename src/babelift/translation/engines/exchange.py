"""One request over HTTP and its answer, within limits of time and size; nothing is sent on.

It is Python's own http.client: huggingface_hub's library has changed its name once already, and
what makes this work (a limit for the whole answer, nothing sent to another host) none has.
"""

import time
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from socket import socket
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from babelift.translation.engines.addresses import Address

CONNECT: Final = 10.0
"""Seconds to reach a host."""

_ERROR_BYTES: Final = 64 * 2**10


class Answer(NamedTuple):
    """What came back.

    Attributes:
        status: The HTTP status; redirects are not followed.
        headers: By any case of their names.
        content: The body; of a refusal the beginning.
    """

    status: int
    headers: HTTPMessage
    content: bytes


def exchange(
    address: Address,
    method: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: float,
    most: int,
) -> Answer:
    """Send a request, on a connection of its own, and read the whole answer.

    Args:
        address: Where to.
        method: `GET` or `POST`.
        path: After the address's own.
        body: Empty for none.
        headers: Of the request.
        timeout: Seconds for all of it, however slowly its bytes drip.
        most: Bytes that the answer may have.

    Raises:
        OSError, HTTPException: The host cannot be reached, is too slow, or breaks off.
        ValueError: The answer is too long, or compressed.
    """
    deadline = time.monotonic() + timeout
    connection = _connection(address, min(CONNECT, timeout), deadline)
    try:
        connection.connect()
        connection.sock.settimeout(max(0.001, deadline - time.monotonic()))
        connection.request(method, address.path + path, body or None, dict(headers))
        response = connection.getresponse()
        if response.status >= 300:
            content = response.read(_ERROR_BYTES)
            return Answer(response.status, response.headers, content)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ValueError("it is compressed, which was not asked for")
        content = response.read(most + 1)
        if len(content) > most:
            raise ValueError(f"it is longer than {most:,} bytes")
        if response.length:
            raise ConnectionError(f"{response.length:,} bytes are missing")
        return Answer(response.status, response.headers, content)
    finally:
        connection.close()


def _connection(address: Address, connect: float, deadline: float) -> HTTPConnection:
    host, port = address.host, address.port
    connection: HTTPConnection
    if not address.secure:
        connection = HTTPConnection(host, port, timeout=connect)
    elif (proxy := getproxies().get("https")) and not proxy_bypass(host):
        way = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        connection = HTTPSConnection(way.hostname or "", way.port or 8080, timeout=connect)
        connection.set_tunnel(host, port, _proxy_headers(way.username, way.password))
    else:
        connection = HTTPSConnection(host, port, timeout=connect)

    def paced(sock: socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        return HTTPResponse(_Paced(sock, deadline), *args, **kwargs)  # type: ignore[arg-type]

    connection.response_class = paced  # type: ignore[assignment]
    return connection


def _proxy_headers(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    both = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(both).decode()}"}


class _Paced(RawIOBase):
    """What a response reads from, until a moment, however slowly its bytes drip."""

    def __init__(self, sock: socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def makefile(self, mode: str) -> BufferedReader:
        return BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
