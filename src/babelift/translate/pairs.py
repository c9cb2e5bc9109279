"""The one message for a pair of languages that a translator lacks."""

from collections.abc import Collection

from babelift.errors import LanguageError

_FEW = 12


def check_pair(
    name: str, source_lang: str, target_lang: str, pairs: Collection[tuple[str, str]]
) -> None:
    """Refuse a pair that is not among `pairs`.

    Raises:
        LanguageError: Names what is possible.

    >>> check_pair("opus-mt-en-de", "de", "en", [("en", "de")])
    Traceback (most recent call last):
    babelift.errors.LanguageError: opus-mt-en-de cannot translate from 'de' into 'en'.
    It translates en > de.
    """
    if (source_lang, target_lang) in pairs:
        return
    if len(pairs) <= _FEW:
        possible = f"It translates {', '.join(f'{a} > {b}' for a, b in sorted(pairs))}."
    else:
        possible = f"Its languages: {', '.join(sorted({tag for pair in pairs for tag in pair}))}."
    raise LanguageError(
        f"{name} cannot translate from '{source_lang}' into '{target_lang}'.", possible
    )
