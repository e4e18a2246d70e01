"""The nearest valid word, for messages about a misspelt one."""

import difflib
from collections.abc import Iterable


def nearest(word: str, valid: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest valid word (compared without case), or nothing."""
    by_fold = {name.casefold(): name for name in valid}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return f"; did you mean '{by_fold[close[0]]}'?" if close else ""


def listed(words: Iterable[str]) -> str:
    """`a, b or c`."""
    several = list(words)
    return " or ".join([", ".join(several[:-1]), several[-1]]) if len(several) > 1 else "".join(several)
