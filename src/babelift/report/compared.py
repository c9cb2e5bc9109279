"""What `comparison.json` holds, as typed, checked records."""

from pydantic import Field

from babelift.report.records import Interval, Record


class Value(Record):
    """A score with its interval."""

    score: float
    interval: Interval


class Effect(Record):
    """A difference of two scores with its interval."""

    delta: float
    interval: Interval

    def direction(self) -> int:
        """1 or -1 where the whole interval lies above or below zero, else 0."""
        low, high = self.interval
        return int(low > 0) - int(high < 0)


class Values(Record):
    """An arm's scores per language, and their mean over the languages that count."""

    languages: dict[str, Value]
    mean: Value | None = None


class Effects(Record):
    """Differences per language, and their mean over the languages that count."""

    languages: dict[str, Effect]
    mean: Effect | None = None


class Contrasted(Effects):
    """What one arm gained over another; see `babelift.evaluate.compare.Contrast`."""

    arm: str
    base: str
    what: str
    rival: str | None = None


class Comparison(Record):
    """What `babelift.evaluate.compare.compare` gives."""

    metric: str
    level: float
    resamples: int
    over: list[str]
    rows: dict[str, int]
    arms: dict[str, Values]
    linear: dict[str, Values] = Field(default_factory=dict)
    contrasts: list[Contrasted] = Field(default_factory=list)
    over_linear: dict[str, Effects] = Field(default_factory=dict)

    def baselines(self) -> list[tuple[list[str], Values]]:
        """The different baselines, each with the arms whose training rows it learnt from."""
        found: list[tuple[list[str], Values]] = []
        for arm, values in self.linear.items():
            same = next((arms for arms, known in found if known == values), None)
            if same is None:
                found.append(([arm], values))
            else:
                same.append(arm)
        return found
