"""What files that are shared may show of what the user typed: neither secrets nor whose home it is.

Left out are the arguments of a program (`command:...`) and of other packages' translators,
passwords and keys in addresses, tokens, and the way to a home. `shown` is for a setting,
`shown_command` for a command line, `scrubbed` for running text.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

LEFT_OUT: Final = "…"
"""Stands for what is not shown; no translator is loaded from a string that holds it."""

TRANSLATORS: Final = "babelift.translators"
"""Entry points that are translators of other packages."""


def shown(value: Any) -> Any:
    """A setting as it may be shown: plain values of any depth, of which strings may change.

    >>> shown("command:env KEY=s3cret python mt.py --quiet"), shown("degraded:drop=0.3:command:mt")
    ('command:env …', 'degraded:drop=0.3:command:mt …')
    >>> shown("lexicon:/home/alice/words.csv")
    'lexicon:…/words.csv'
    >>> shown({"train": ["data/reviews.csv", "/home/alice/reviews.csv"], "beam_size": 1})
    {'train': ['data/reviews.csv', '…/reviews.csv'], 'beam_size': 1}
    >>> shown("https://me:s3cret@example.org/mt?key=s3cret")
    'https://…@example.org/mt?…'
    >>> shown("openai:qwen3:8b@http://me:s3cret@localhost/v1?s3cret"), shown("deepl:s3cret:fx")
    ('openai:qwen3:8b@http://…@localhost/v1?…', 'deepl:…')
    """
    if isinstance(value, str):
        return _shown_text(value)
    if isinstance(value, Mapping):
        return {name: shown(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [shown(part) for part in value]
    return value


def _shown_text(text: str) -> str:
    if ":" not in text:
        return scrubbed(_shown_path(text))
    private = "|".join(map(re.escape, ("command", *_of_other_packages())))
    # Also behind what spoils a translator, as in degraded:drop=0.3:command:mt.
    translator = re.match(rf"((?:[^:]*:)*?\s*)({private}):(.+)", text, re.DOTALL)
    if translator:
        before, name, argument = translator.groups()
        program = f"{shown_program(argument)} " if name == "command" else ""
        return f"{before}{name}:{program}{LEFT_OUT}"
    # What stands where an address should may well be a key.
    service = re.match(r"((?:[^:]*:)*?\s*(?:deepl|libretranslate):)(?!\s*https?://)", text)
    if service and text[service.end() :].strip():
        return f"{service[1]}{LEFT_OUT}"
    if re.match(r"(?:\S+@)?[A-Za-z][\w+.-]*://", text):
        return scrubbed(re.sub(r"\?.*", f"?{LEFT_OUT}", text, flags=re.DOTALL))
    name, colon, argument = text.strip().partition(":")
    if colon and re.fullmatch(r"[a-z][\w.=-]+", name):  # lexicon:FILE and the like
        return f"{name}:{_shown_text(argument)}"
    return scrubbed(_shown_path(text))


_SCRIPT: Final = re.compile(r"(?!-)[^=:]+\.(?:py|pyz|sh|js|mjs|ts|rb|pl|php|jl|lua|R)")


def shown_program(command: str) -> str:
    """The name of a command's program, with that of the script that it runs.

    >>> shown_program("/bin/python -u mt/deepl.py --key s3cret"), shown_program("mymt --key s3cret")
    ('python deepl.py', 'mymt')
    """
    try:
        program, *arguments = shlex.split(command)
    except ValueError:  # open quotes, or nothing
        return LEFT_OUT
    script = next((word for word in arguments if not re.fullmatch("-[A-Za-z]", word)), "")
    words = [program, script] if re.fullmatch(_SCRIPT, script) else [program]
    return shlex.join(Path(word).name for word in words)


@cache
def _of_other_packages() -> set[str]:
    return {point.name for point in entry_points(group=TRANSLATORS)}


_OTHER_HOMES: Final = re.compile(
    r"(?:/home/|/Users/|[A-Za-z]:\\{1,2}Users\\{1,2})[^/\\\s'\"<>:;,()\[\]…]+|/root(?![\w.-])"
)


def _shown_path(text: str) -> str:
    """A path as it may be shown: one in a home without its home, any other text as it is."""
    path = Path(text)
    if not path.is_absolute():
        homes = {"home", "Users", *(base.name for base, _ in _bases())}
        if ".." not in path.parts or homes.isdisjoint(path.parts):
            return text
    whole = Path(os.path.abspath(path))  # noqa: PTH100  (links stay: the user named them)
    for base, prefix in _bases():
        with suppress(ValueError):
            return str(prefix / whole.relative_to(base))
    return f"{LEFT_OUT}/{path.name}" if _OTHER_HOMES.match(str(whole)) else text


def _bases() -> tuple[tuple[Path, Path], ...]:
    """The home and, where it lies in that, the working folder; each with what stands for it."""
    try:
        return _bases_of(Path.home(), Path.cwd())
    except (OSError, RuntimeError):  # no home, or a folder that was removed
        return ()


@cache
def _bases_of(home: Path, here: Path) -> tuple[tuple[Path, Path], ...]:
    homes = [place for place in (home, home.resolve()) if place != Path(place.anchor)]
    inside = [here] if any(here.is_relative_to(place) for place in homes) else []
    return (*((place, Path()) for place in inside), *((place, Path("~")) for place in homes))


def shown_command(arguments: Sequence[str]) -> tuple[str, ...]:
    """A command line as it may be shown.

    >>> shown_command(["babelift", "fit", "a.csv", "--translator=command:mt --api-key s3cret"])
    ('babelift', 'fit', 'a.csv', '--translator=command:mt …')
    """
    words = []
    for word in arguments:
        flag, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        words.append(f"{flag}{equals}{shown(value)}" if value else word)
    return tuple(words)


def identified(value: Any) -> Any:
    """A setting that is to be compared: itself, or a hash where it is not shown as it is.

    >>> identified("mini"), identified("/home/alice/encoder")
    ('mini', 'sha256:5a156fa05778')
    """
    if shown(value) == value:
        return value
    return f"sha256:{hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]}"


_ADDRESSES: Final = (
    (re.compile(r"(?<=://)[^\s/]+@"), f"{LEFT_OUT}@"),
    (
        re.compile(
            r"([?&;][\w.-]*(?:key|token|secret|passw|pwd|auth|credential|signature)[\w.-]*=)"
            r"[^&\s#'\"<>]+",
            re.IGNORECASE,
        ),
        rf"\1{LEFT_OUT}",
    ),
    (re.compile(r"\bhf_[A-Za-z0-9]{8,}"), f"hf_{LEFT_OUT}"),
    (re.compile(r"\bsk-(?=\S*\d)[\w-]{16,}", re.ASCII), f"sk-{LEFT_OUT}"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:fx\b"), f"{LEFT_OUT}:fx"),
)
"""Passwords and keys in addresses, and the tokens of the hub, OpenAI and DeepL, wherever they stand
in a text."""

_SUSPECT: Final = re.compile(r"[/\\=]|hf_|\bsk-|:fx\b")
"""What every text has from which `scrubbed` takes something: most texts have none of it."""


def scrubbed(text: str) -> str:
    """Running text without passwords in addresses, tokens, and anybody's home folder.

    >>> scrubbed("no such file: '/home/alice/reviews.csv'")
    "no such file: '~/reviews.csv'"
    >>> scrubbed("see https://example.org/home/page?id=1&api_key=s3cret")
    'see https://example.org/home/page?id=1&api_key=…'
    """
    if not _SUSPECT.search(text):
        return text
    for pattern, replacement in (*_ADDRESSES, *_folders(_bases())):
        text = pattern.sub(replacement, text)
    return text


@cache
def _folders(bases: tuple[tuple[Path, Path], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    start = r"(?<![\w.~…-])"
    rules = []
    for base, prefix in bases:
        tail, replacement = ("/", "") if prefix == Path() else (r"(?![\w.-])", str(prefix))
        rules.append((re.compile(f"{start}{re.escape(str(base))}{tail}"), replacement))
    return (*rules, (re.compile(f"{start}(?:{_OTHER_HOMES.pattern})"), "~"))


def withheld(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """A salted hash of each setting that is shown otherwise than it is.

    Args:
        before: Settings as plain values.
        after: The same as `shown` gives them.

    Returns:
        Name to hash; `is_withheld` compares with it. It is slow on purpose: a short password
        cannot be guessed from it in good time.
    """
    return {name: _salted(value) for name, value in before.items() if after[name] != value}


def is_withheld(value: Any, kept: str) -> bool:
    """Whether a setting's value is the one that `withheld` kept the hash of.

    >>> kept = withheld({"translator": "command:mt -k 1"}, {"translator": "command:mt …"})
    >>> is_withheld("command:mt -k 1", kept["translator"])
    True
    >>> is_withheld("command:mt -k 2", kept["translator"])
    False
    """
    salt, _, _ = kept.partition(":")
    return hmac.compare_digest(_salted(value, salt), kept)


def _salted(value: Any, salt: str | None = None) -> str:
    salt = salt or secrets.token_hex(16)
    text = json.dumps(value, sort_keys=True).encode()
    return f"{salt}:{hashlib.scrypt(text, salt=salt.encode(), n=2**14, r=8, p=1).hex()}"
