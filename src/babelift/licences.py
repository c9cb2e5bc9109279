"""What a licence's name says about commercial use."""

import re


def non_commercial(*words: str | None) -> bool:
    """Whether a licence's id, or a note beside it, forbids commercial use.

    >>> non_commercial("CC-BY-NC-4.0"), non_commercial(None, "for non-commercial use only")
    (True, True)
    >>> non_commercial("NCSA"), non_commercial("MIT"), non_commercial(None)
    (False, False, False)
    """
    said = " ".join(word.replace("_", "-") for word in words if word)
    return bool(re.search(r"\bnc\b|\bnon-?commercial\b", said, flags=re.IGNORECASE))
