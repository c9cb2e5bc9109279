"""Small differences, counts and prices as a reader wants to see them in a sentence."""

from collections.abc import Sequence

from babelift.report.numbers import digits_for

MINUS = "−"


def fine(values: Sequence[float]) -> list[str]:
    """Scores with as many digits as `digits_for` says.

    >>> fine([0.09, 0.06, 0.12]), fine([0.004, -0.008, 0.015])
    (['.09', '.06', '.12'], ['.004', '−.008', '.015'])
    """
    digits = digits_for(values)
    found = []
    for value in values:
        text = f"{abs(value):.{digits}f}"
        sign = MINUS if value < 0 and float(text) else ""
        found.append(sign + (text[1:] if text.startswith("0") else text))
    return found


def difference(delta: float, interval: tuple[float, float] | None) -> str:
    """A difference with its sign and its interval.

    >>> difference(0.09, (0.06, 0.12)), difference(-0.004, (-0.008, 0.0))
    ('+.09 [.06, .12]', '−.004 [−.008, .000]')
    """
    first, *ends = fine([delta, *(interval or ())])
    signed = f"+{first}" if delta > 0 and first.strip(".0") else first
    return f"{signed} [{', '.join(ends)}]" if ends else signed


def money(value: float) -> str:
    """A price, with cents where they matter.

    >>> money(77.5), money(0.25), money(12000), money(9.0)
    ('78', '0.25', '12,000', '9')
    """
    if abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.2f}".removesuffix(".00") if abs(value) >= 0.1 else f"{value:.2g}"
