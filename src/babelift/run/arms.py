"""Arms: which originals a run may see, and into which languages they are translated."""

from dataclasses import dataclass

import polars as pl

from babelift.errors import LanguageError, did_you_mean


@dataclass(frozen=True, slots=True)
class Plan:
    """What one arm does with the languages at hand.

    Attributes:
        originals: Languages whose own labelled rows are trained on.
        translate_to: Languages the training rows are translated into; empty for arms without.
        targets: Languages the classifier is wanted for.
        translate_from: Languages whose rows are translated, all of `originals` but where the
            user named sources.
    """

    originals: tuple[str, ...]
    translate_to: tuple[str, ...]
    targets: tuple[str, ...]
    translate_from: tuple[str, ...]


def plan_arm(
    arm: str, available: tuple[str, ...], sources: tuple[str, ...], targets: tuple[str, ...]
) -> Plan:
    """Decide which languages an arm trains on and translates into.

    Args:
        arm: `zero-shot`, `translated`, `original` or `original+translated`.
        available: Languages that have labelled training rows.
        sources: Languages the user named as sources; where empty, all available non-targets.
        targets: Languages the classifier is wanted for.

    Raises:
        LanguageError: The arm needs rows or targets that are not there.

    >>> plan_arm("translated", ("en",), (), ("de", "ja"))
    Plan(originals=('en',), translate_to=('de', 'ja'), targets=('de', 'ja'), translate_from=('en',))
    >>> plan_arm("original", ("en", "de"), (), ("de",)).originals
    ('de',)
    """
    for source in sources:
        if source not in available:
            raise LanguageError(
                f"no labelled rows in '{source}' to train on; the training tables have "
                f"{', '.join(available)}{did_you_mean(source, available)}",
                "Name languages that have rows with --from.",
            )
    others = tuple(lang for lang in available if lang not in targets)
    if arm in ("zero-shot", "translated"):
        chosen = sources or others
        if not chosen:
            raise LanguageError(
                f"the arm '{arm}' trains on languages other than the targets, but all training "
                f"rows are in {', '.join(available)}, which are all targets.",
                "Take a language out of --to, or use --arm original or original+translated.",
            )
        if arm == "translated" and not targets:
            raise LanguageError(
                "the arm 'translated' needs at least one language to translate into.",
                "Name them with --to, e.g. --to de es; or use --arm zero-shot.",
            )
        return Plan(chosen, targets if arm == "translated" else (), targets, chosen)
    lacking = [lang for lang in targets if lang not in available]
    if arm == "original" and lacking:
        raise LanguageError(
            f"the arm 'original' trains on labelled rows of the targets, but there are none in "
            f"{', '.join(lacking)}; the training tables have {', '.join(available)}.",
            "Bring labelled rows in these languages, or use --arm translated.",
        )
    own = tuple(lang for lang in targets if lang in available)
    if arm == "original":
        seen = tuple(dict.fromkeys((*sources, *own))) or available
        return Plan(seen, (), targets, seen)
    if not targets:
        raise LanguageError(
            "the arm 'original+translated' needs at least one language to translate into.",
            "Name them with --to, e.g. --to de es.",
        )
    seen = tuple(dict.fromkeys((*(sources or others), *own)))
    return Plan(seen, targets, targets, sources or seen)


def only_languages(rows: pl.DataFrame, languages: tuple[str, ...]) -> pl.DataFrame:
    """The rows written in one of `languages`."""
    return rows.filter(pl.col("lang").is_in(list(languages)))
