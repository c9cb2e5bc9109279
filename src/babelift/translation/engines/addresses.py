"""Where a service answers, and the key for it: an address that may be shown, a key that may not."""

import ipaddress
import os
import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from babelift.errors import ConfigError

PLAIN_HTTP: Final = "BABELIFT_PLAIN_HTTP"
"""Names hosts out in the network to which texts and keys may go without encryption."""


class Address(NamedTuple):
    """Where a service answers.

    Attributes:
        secure: Whether the way there is encrypted.
        host: Name or number.
        port: None for the usual one.
        path: What every request begins with, without a slash at its end.
    """

    secure: bool
    host: str
    port: int | None
    path: str

    @property
    def place(self) -> str:
        """Host, port and path: what tells one service from another."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}{f':{self.port}' if self.port else ''}{self.path}"


def read_address(text: str, translator: str, *endings: str) -> Address:
    """A service's address.

    Args:
        text: An https address; http on this machine, in a private network, and for the hosts
            that `PLAIN_HTTP` names.
        translator: Its name, for errors.
        *endings: Ends of the path that some write and that belong to single requests.

    Raises:
        ConfigError: It is none, or holds what must not be in an address. It is not shown then,
            as it may be a key.

    >>> read_address("http://localhost:8080/v1/", "openai").place
    'localhost:8080/v1'
    >>> read_address("https://me:s3cret@example.org", "openai")
    Traceback (most recent call last):
    babelift.errors.ConfigError: translator 'openai': its address holds a user name or a password.
    Keys come from the environment alone; see 'Translating through a service' in the README.
    """
    who = f"translator '{translator}'"
    hint = (
        "Keys come from the environment alone; see 'Translating through a service' in the README."
    )
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:
        host, port = "", None
    if parts_of_a_secret := [
        what
        for what, there in (
            ("a user name or a password", "@" in text.partition("://")[2].partition("/")[0]),
            ("a query ('?')", "?" in text),
            ("a fragment ('#')", "#" in text),
        )
        if there
    ]:
        raise ConfigError(f"{who}: its address holds {parts_of_a_secret[0]}.", hint)
    right = re.fullmatch(r"https?://[^\s/]+(/[!-~]*)?", text) and re.fullmatch(r"[\w.:-]+", host)
    if not right:
        raise ConfigError(
            f"{who} needs an address such as https://example.org/v1. What was given is none.", hint
        )
    secure = parts.scheme == "https"
    said = os.environ.get(PLAIN_HTTP, "").split(",")
    if not secure and not _is_near(host) and host not in map(str.strip, said):
        raise ConfigError(
            f"{who}: http://{host} is not encrypted: texts and keys could be read on the way.",
            f"Write https://, or allow it for this host with {PLAIN_HTTP}={host}.",
        )
    path = parts.path.rstrip("/")
    for ending in endings:
        path = path.removesuffix(ending)
    return Address(secure, host, port, path)


def _is_near(host: str) -> bool:
    """Whether a host is this machine or in a private network, as far as its name says.

    >>> [_is_near(host) for host in ("127.0.0.1", "ollama", "gpu.local", "10.1.2.3", "::1")]
    [True, True, True, True, True]
    >>> [_is_near(host) for host in ("example.org", "8.8.8.8", "134744072", "::ffff:8.8.8.8")]
    [False, False, False, False]
    """
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        # A name of one word is known in its own network alone; 134744072 would be 8.8.8.8.
        return bool(re.fullmatch(r"[a-z][\w-]*|.+\.(local|localhost|internal)", host))
    number = getattr(number, "ipv4_mapped", None) or number
    return number.is_private or number.is_loopback or number.is_link_local


def read_key(variable: str, translator: str) -> str | None:
    """A key from the environment; None where there is none.

    Raises:
        ConfigError: It holds what no key does; it is not shown.
    """
    key = os.environ.get(variable, "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise ConfigError(
            f"translator '{translator}': {variable} holds spaces, line breaks or letters that no "
            "key has.",
            "Copy the key again.",
        )
    return key or None
