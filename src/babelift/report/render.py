"""What the page and the model card share: the templates, their filters, and the command line."""

import re
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import jinja2
import yaml
from markupsafe import Markup, escape

from babelift.redaction import scrubbed
from babelift.report import numbers

LONGEST_TEXT: Final = 320
"""Characters shown of an example."""

_LEFT_OUT: Final = (
    "… stands for what is not shown: the arguments of the translator's program, or the way to a "
    "file in somebody's home. Put them in their places again."
)

_UNBREAKABLE: Final = re.compile(
    r"(F1-\w+|(?:[+−]?\d?\.\d+ )?\[[^\]]*\]|[+−]\d?\.\d+|--[a-z-]+|p [=<] \d?\.\d+)"
)

_CONTROLS: Final = dict.fromkeys((*range(32), 127), "\N{REPLACEMENT CHARACTER}") | {
    ord(kept): kept for kept in "\t\n\r"
}


def command(arguments: Sequence[str]) -> str:
    """The command line to type again; from Python, the one that does the same.

    >>> command(["/usr/local/bin/babelift", "fit", "my reviews.csv", "--to", "de"])
    "babelift fit 'my reviews.csv' --to de"
    >>> command(["babelift", "fit", "~/my reviews.csv"])
    "babelift fit ~/'my reviews.csv'"
    >>> command([])
    'babelift fit --config config.yaml'
    """
    if len(arguments) <= 2:
        return "babelift fit --config config.yaml"
    program, *rest = arguments
    known = Path(program).name in ("babelift", "babelift.exe", "__main__.py")
    words = ["babelift" if known else program, *rest]
    # In quotes the shell would not take ~ for the home.
    return " ".join(
        f"~/{shlex.quote(word[2:])}" if word.startswith("~/") else shlex.quote(word)
        for word in words
    )


def shortened(text: str | None, longest: int = LONGEST_TEXT) -> str:
    """A text cut to what an example needs.

    >>> shortened("abcdef", 4), shortened(None)
    ('abcd …', '')
    """
    return f"{text[:longest].rstrip()} …" if text and len(text) > longest else text or ""


def unbroken(words: str) -> Markup:
    """A sentence whose scores, metric names and flags are not broken at the end of a line.

    >>> unbroken("F1-micro .61 [.55, .67] <b>")
    Markup('<span class="nb">F1-micro</span> <span class="nb">.61 [.55, .67]</span> &lt;b&gt;')
    >>> unbroken("+.05 on average [.01, .09]")
    Markup('<span class="nb">+.05</span> on average <span class="nb">[.01, .09]</span>')
    """
    parts = _UNBREAKABLE.split(words)
    span = Markup('<span class="nb">{}</span>')
    return Markup().join(
        span.format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def environment(*, autoescape: bool) -> jinja2.Environment:
    """The templates with the filters for numbers and names."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    templates.filters |= {
        "command": command,
        "count": "{:,}".format,
        "pair": numbers.pair_name,
        "percent": numbers.percent,
        "share": numbers.share,
        "signed": numbers.signed,
        "brackets": numbers.brackets,
        "duration": numbers.duration,
        "energy": numbers.energy,
        "language": numbers.language_name,
        "names": numbers.names,
        "p_value": numbers.p_value,
        "sentence": numbers.sentence,
        "shortened": shortened,
        "yaml": partial(yaml.safe_dump, sort_keys=False, allow_unicode=True, width=1000),
        "unbroken": unbroken,
        "with_p": numbers.with_p,
    }
    templates.globals["left_out"] = _LEFT_OUT
    return templates


def _printable(value: object) -> object:
    """Text as a page may hold it: no home folder, no token, marks for control characters."""
    if type(value) is not str:
        return value.translate(_CONTROLS) if isinstance(value, str) else value
    return scrubbed(value).translate(_CONTROLS)
