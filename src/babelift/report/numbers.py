"""Numbers and lists as a reader wants to see them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from babelift.errors import LanguageError
from babelift.languages import get

Interval = tuple[float, float]

UNKNOWN = "–"


def share(value: float | None, digits: int = 2) -> str:
    """A score between 0 and 1, by default with two digits, as papers print it; a dash if unknown.

    >>> share(0.614), share(1.0), share(-0.05), share(None), share(float("nan"))
    ('.61', '1.00', '−.05', '–', '–')
    >>> share(0.0042, 3)
    '.004'
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{abs(value):.{digits}f}"
    sign = "−" if value < 0 and float(text) else ""
    return sign + (text[1:] if text.startswith("0") else text)


def digits_for(values: Iterable[float]) -> int:
    """Digits for a difference and the ends of its interval: two, or three where all are small and
    one is tiny, or where two would hide that the interval holds no zero.

    >>> digits_for([0.09, 0.06, 0.12]), digits_for([0.008, -0.002, 0.017])
    (2, 3)
    >>> digits_for([0.004, -0.03, 0.06])  # the third digit would say nothing
    2
    >>> digits_for([-0.03, -0.06, -0.004])
    3
    """
    values = list(values)
    sizes = [abs(value) for value in values]
    small = max(sizes) < 0.05 and any(0 < size < 0.01 for size in sizes)
    apart = min(values) * max(values) > 0 and min(sizes) < 0.005
    return 3 if small or apart else 2


def brackets(interval: Interval | None, digits: int = 2) -> str:
    """An interval in brackets; empty where there is none.

    >>> brackets((0.55, 0.67)), brackets(None)
    ('[.55, .67]', '')
    """
    if not interval:
        return ""
    low, high = (share(bound, digits) for bound in interval)
    return f"[{low}, {high}]"


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign.

    >>> signed(0.051), signed(-0.051), signed(0.001)
    ('+.05', '−.05', '.00')
    """
    text = share(value, digits)
    return f"+{text}" if value > 0 and text.strip(".0") else text


def difference(delta: float, interval: Interval | None, digits: int | None = None) -> str:
    """A difference with its sign and its interval, by default with the digits of `digits_for`.

    >>> difference(0.09, (0.06, 0.12)), difference(-0.004, (-0.008, 0.0))
    ('+.09 [.06, .12]', '−.004 [−.008, .000]')
    """
    digits = digits or digits_for((delta, *(interval or ())))
    return f"{signed(delta, digits)} {brackets(interval, digits)}".rstrip()


def direction(interval: Interval) -> int:
    """1 or -1 where the whole interval lies above or below zero, else 0.

    >>> direction((0.01, 0.03)), direction((-0.01, 0.05))
    (1, 0)
    """
    low, high = interval
    return int(low > 0) - int(high < 0)


def with_interval(value: float | None, interval: Interval | None) -> str:
    """A score followed by its interval.

    >>> with_interval(0.61, (0.55, 0.67))
    '.61 [.55, .67]'
    """
    return f"{share(value)} {brackets(interval)}".rstrip()


def p_value(p: float) -> str:
    """A probability, never as nothing.

    >>> p_value(0.0312), p_value(0.0000004), p_value(1.0)
    ('.031', 'under .001', '1.00')
    """
    if p < 0.001:
        return "under .001"
    return f"{p:.3f}"[1:] if p < 0.9995 else "1.00"


def with_p(p: float) -> str:
    """A probability with its letter, for a sentence.

    >>> with_p(0.0312), with_p(0.0000004)
    ('p = .031', 'p < .001')
    """
    return "p < .001" if p < 0.001 else f"p = {p_value(p)}"


def percent(part: float, whole: float) -> str:
    """A part of a whole in percent, never rounded down to nothing.

    >>> percent(3, 200), percent(1, 3000), percent(0, 9), percent(1, 0), percent(9999, 10000)
    ('1.5 %', 'under 0.1 %', '0 %', '–', 'over 99.9 %')
    """
    if not whole:
        return UNKNOWN
    value = 100 * part / whole
    if 0 < value < 0.1:
        return "under 0.1 %"
    if 99.9 < value < 100:
        return "over 99.9 %"
    return f"{value:.1f}".removesuffix(".0") + " %"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(1234, "row"), counted(2, "entry", "entries")
    ('1 row', '1,234 rows', '2 entries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str]) -> str:
    """Items as a list in a sentence.

    >>> listed(["German"]), listed(["German", "French"]), listed(["de", "fr", "ja"])
    ('German', 'German and French', 'de, fr and ja')
    """
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def sentence(note: str) -> str:
    """A note as a sentence of its own.

    >>> sentence("no test table was given"), sentence("Done.")
    ('No test table was given.', 'Done.')
    """
    return note[:1].upper() + note[1:] + ("" if note.endswith((".", "!", "?", "。")) else ".")


def language_name(tag: str) -> str:
    """The English name of a language; the tag itself where the table does not know it.

    >>> language_name("ja"), language_name("tlh")
    ('Japanese', 'tlh')
    """
    try:
        return get(tag).name
    except LanguageError:
        return tag


def names(tags: Sequence[str], most: int = 7) -> str:
    """Language names in a sentence, or how many there are where the list would be long.

    >>> names(["de", "fr"]), names(["de", "fr", "ja"], most=2)
    ('German and French', '3 languages')
    """
    if len(tags) > most:
        return f"{len(tags)} languages"
    return listed([language_name(tag) for tag in tags])


def pair_name(pair: str) -> str:
    """A language pair, or one language, in words.

    >>> pair_name("en>ja"), pair_name("ja")
    ('English → Japanese', 'Japanese')
    """
    return " → ".join(language_name(tag) for tag in pair.split(">"))


def duration(seconds: float | None) -> str:
    """A length of time.

    >>> duration(0.4), duration(75), duration(7322), duration(None)
    ('0.4 s', '1 min 15 s', '2 h 2 min', '–')
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def energy(joules: float | None) -> str:
    """Energy in watt-hours and joules.

    >>> energy(7200.0), energy(None)
    ('2.00 Wh (7,200 J)', 'not measured')
    """
    return "not measured" if joules is None else f"{joules / 3600:,.2f} Wh ({joules:,.0f} J)"


def compact(value: float) -> str:
    """A number on an axis: short, and exact enough to read a curve by.

    >>> compact(0.0), compact(0.25), compact(2e-05), compact(1500.0), compact(3.0)
    ('0', '0.25', '2e-5', '1,500', '3')
    """
    if value == 0:
        return "0"
    if abs(value) < 0.001:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def setting_text(value: Any, absent: str = "–") -> str:
    """A setting as a reader would write it.

    >>> setting_text(["de", "ja"]), setting_text(None), setting_text(True), setting_text([])
    ('de ja', '–', 'yes', '–')
    >>> setting_text({"mini": None}, absent="all")
    'mini: all'
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {setting_text(part, absent)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return " ".join(setting_text(part, absent) for part in value) or absent
    return {"None": absent, "True": "yes", "False": "no"}.get(str(value), str(value))
