"""The visible text of a page in pieces, and sentences whose every number is held to something."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

LANGUAGES: Final = dict(
    part.split(" ", 1)
    for part in [
        "ar Arabic",
        "bg Bulgarian",
        "bn Bengali",
        "cs Czech",
        "da Danish",
        "de German",
        "el Greek",
        "en English",
        "es Spanish",
        "et Estonian",
        "fa Persian",
        "fi Finnish",
        "fr French",
        "hi Hindi",
        "hr Croatian",
        "hu Hungarian",
        "id Indonesian",
        "is Icelandic",
        "it Italian",
        "ja Japanese",
        "ko Korean",
        "lt Lithuanian",
        "lv Latvian",
        "nl Dutch",
        "no Norwegian",
        "pl Polish",
        "pt Portuguese",
        "ro Romanian",
        "ru Russian",
        "sk Slovak",
        "sl Slovenian",
        "sv Swedish",
        "sw Swahili",
        "ta Tamil",
        "te Telugu",
        "th Thai",
        "tr Turkish",
        "uk Ukrainian",
        "ur Urdu",
        "vi Vietnamese",
        "zh Chinese",
    ]
)

_VOID: Final = {"meta", "br", "wbr", "link", "img", "hr", "input"}
_UNSEEN: Final = {"style", "script", "svg", "title", "nav"}
_PIECES: Final = {"p", "li", "h1", "h2", "h3", "figcaption", "summary", "dt", "dd"}


def fold(text: str) -> str:
    """White space of all kinds as one space."""
    return re.sub(r"\s+", " ", text.replace("\N{NO-BREAK SPACE}", " ")).strip()


@dataclass
class Node:
    """An element of a page."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)

    def text(self) -> str:
        """What is seen of it."""
        if self.tag in _UNSEEN:
            return ""
        parts = (child if isinstance(child, str) else child.text() for child in self.children)
        around = " " if self.tag in ("small", "br", "td", "th", "div", "p", "figcaption") else ""
        return around + "".join(parts) + around

    def all(self, tag: str) -> Iterator["Node"]:
        """Its elements of one tag, at any depth."""
        for child in self.children:
            if isinstance(child, Node):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)

    def has(self, name: str) -> bool:
        """Whether it is of a class."""
        return name in self.attributes.get("class", "").split()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("page")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in _VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag))

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


@dataclass
class Piece:
    """A paragraph, a point of a list, a heading, a table or a plot's words.

    Attributes:
        tag: The element; `table` and `plot` have `rows`, the words of their cells.
        text: What it says; for a table its name, for a plot what stands over it.
        section: The section's name, empty in the page's head.
        heading: The nearest heading above.
        under: Class of what holds it.
    """

    tag: str
    text: str
    section: str
    heading: str
    under: str = ""
    rows: list[list[str]] = field(default_factory=list)


def pieces(page: str) -> list[Piece]:
    """All that a page shows, in order.

    >>> [(piece.tag, piece.text) for piece in pieces("<p>A <b>b</b></p><style>x</style>")]
    [('p', 'A b')]
    """
    reader = _Reader()
    reader.feed(page)
    found: list[Piece] = []
    heading = {"": ""}

    def walk(node: Node, section: str, under: str, label: str) -> None:
        if node.tag in _UNSEEN:
            return
        section = node.attributes.get("id", section) if node.tag == "section" else section
        label = node.attributes.get("aria-label", label)
        under = node.attributes.get("class", under) or under
        if node.tag == "table":
            rows = [
                [fold(cell.text()) for cell in row.children if isinstance(cell, Node)]
                for row in node.all("tr")
            ]
            found.append(Piece("table", label, section, heading[""], under, rows))
        elif node.has("strip-grid"):
            rows = [
                [fold(cell.text()) for cell in strip.children
                 if isinstance(cell, Node) and cell.tag == "span"]
                for strip in node.children if isinstance(strip, Node)
            ]  # fmt: skip
            found.append(Piece("plot", heading[""], section, "", under, [r for r in rows if r[0]]))
        elif node.tag in _PIECES or (node.tag == "div" and node.has("example")):
            text = fold(node.text())
            if text:
                found.append(Piece(node.tag, text, section, heading[""], under))
            if node.tag in ("h2", "h3", "figcaption", "summary"):
                heading[""] = text
        else:
            for child in node.children:
                if isinstance(child, Node):
                    walk(child, section, under, label)
                elif child.strip():
                    found.append(Piece("loose", fold(child), section, heading[""], under))

    walk(reader.root, "", "", "")
    return [
        piece for piece in found if piece.tag != "loose" or not piece.text.startswith("doctype")
    ]


N: Final = r"[+−]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)"
P: Final = r"p [=<] [\d.]+"
_TOKEN: Final = re.compile(rf"(?<![\w@.:]){N}(?![\w:])")


def effect(name: str) -> str:
    """The form of a difference with its interval."""
    return rf"(?P<{name}>{N}) \[(?P<{name}_low>{N}), (?P<{name}_high>{N})\]"


SEEN: Final = (
    rf"(?:this study could have seen (?P<seen>{N})(?:, or anything from (?P<seen_low>{N}) to "
    rf"(?P<seen_high>{N}): (?P<seeds>\d+) seeds do not tell how far trainings differ| "
    rf"\((?P<seen_low2>{N}) to (?P<seen_high2>{N}), as (?P<seeds2>\d+) seeds tell\))|with "
    r"(?P<seeds3>\d+) seeds this study could have seen (?P<nothing>no difference, however large))"
)


def seen_parts(seen: tuple[float, float, float] | None, seeds: int) -> dict[str, object]:
    """What the parts of `SEEN` must say of an effect and its range."""
    if seen is None:
        return {}
    effect_seen, low, high = seen
    nothing = "no difference, however large"
    return {
        "seen": effect_seen if effect_seen < 1 else nothing, "seen_low": low, "seen_high": high,
        "seen_low2": low, "seen_high2": high, "seeds": seeds, "seeds2": seeds, "seeds3": seeds,
        "nothing": nothing if effect_seen >= 1 else effect_seen,
    }  # fmt: skip


def language(tag: str) -> str:
    """Its name in English."""
    return LANGUAGES.get(tag, tag)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    if len(names) > 7:
        return f"{len(names)} languages"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def value(text: str) -> float:
    """What a printed number is.

    >>> value("−.05"), value("1,200"), value("+.034")
    (-0.05, 1200.0, 0.034)
    """
    return float(text.replace("−", "-").replace(",", "").replace("+", ""))


def fits(printed: str, true: object) -> bool:
    """Whether words or a number, to its printed digits, say what is so.

    >>> fits("+.03", 0.034), fits("+.03", 0.036), fits("−.03", 0.03), fits("p < .001", 0.0005)
    (True, False, False, True)
    """
    if true is None:
        return printed in ("–", "")
    if not isinstance(true, int | float):
        return printed == str(true)
    printed = printed.removeprefix("p = ").removeprefix("±").replace("-", "−")
    if printed in ("under .001", "p < .001"):
        return 0 <= true < 0.001
    if not re.fullmatch(N, printed):
        return False
    digits = len(printed.partition(".")[2])
    if printed.startswith("+") and true < 0:
        return False
    return abs(value(printed) - true) <= 0.5 * 10**-digits + 1e-7


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


@dataclass
class Findings:
    """What became of a page's sentences and numbers."""

    sentences: int = 0
    confirmed: int = 0
    wrong: list[str] = field(default_factory=list)
    unchecked: Counter[str] = field(default_factory=Counter)

    def fault(self, where: str, what: str) -> None:
        """Note what is wrong."""
        self.wrong.append(f"{where}: {what}")

    def number(self, where: str, printed: str, true: object) -> None:
        """Hold one number or word to what is so."""
        if fits(printed, true):
            self.confirmed += bool(re.search(r"\d", printed))
        else:
            shown = f"{true:.5g}" if isinstance(true, float) else true
            self.fault(where, f"says {printed!r}, but it is {shown!r}")

    def numbers(self, where: str, printed: str, *true: object) -> None:
        """Hold all numbers of a cell, in their order."""
        found = re.findall(rf"under \.001|{N}", printed)
        if len(found) != len(true):
            self.fault(where, f"has {printed!r} where {len(true)} numbers were expected")
        for each, own in zip(found, true, strict=False):
            self.number(f"{where}, {printed!r}", each, own)

    def read(
        self, kind: str, text: str, forms: Mapping[str, object] | list[str], **true: object
    ) -> re.Match[str] | None:
        """Read one sentence: its form, and every named part of it.

        Args:
            kind: What it is about.
            text: The sentence.
            forms: Regular expressions; the first that fits the whole sentence counts.
            true: What the named parts must say.
        """
        self.sentences += 1
        for form in forms:
            if match := re.fullmatch(form, text):
                break
        else:
            self.fault(kind, f"has no known form: {text}")
            return None
        spans = []
        for name, printed in match.groupdict().items():
            if printed is None:
                continue
            if name in ("arm", "base", "name"):  # whose numbers belong to names, read elsewhere
                spans.append(match.span(name))
            if name in true:
                self.number(f"{kind}: {text[:60]}… <{name}>", printed, true[name])
                spans.append(match.span(name))
        self.leave(kind, text, spans)
        return match

    def leave(self, kind: str, text: str, spans: list[tuple[int, int]] = []) -> None:  # noqa: B006
        """Count the numbers of a sentence that were held to nothing."""
        left = [
            token.group()
            for token in _TOKEN.finditer(re.sub(r"F1-m|95 %|@1", _blank, text))
            if not any(low <= token.start() and token.end() <= high for low, high in spans)
        ]
        self.unchecked[kind] += len(left)
