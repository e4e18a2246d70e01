"""The demo's policy: the one that Muster ships, word for word but for three times."""

import re
from pathlib import Path

_SHIPPED = Path(__file__).resolve().parent.parent / "policy.yaml"
# The times of `remediation.timing` that somebody who watches would have to wait for.
_SHORTER = {"followUp": "1s", "secondLook": "2s", "backoffFirst": "1s"}


def shortened(shipped: str) -> str:
    """A policy's text with the times of `_SHORTER` in place of its own; nothing else is changed.

    Raises:
        ValueError: one of them does not stand in the text exactly once.
    """
    for name, value in _SHORTER.items():
        line = re.compile(rf"^    {name}: .*$", re.MULTILINE)
        shipped, found = line.subn(f"    {name}: {value}", shipped)
        if found != 1:
            raise ValueError(f"policy.yaml says {name} {found} times; the demo shortens it where it stands once")
    return shipped


def write_policy(folder: Path) -> Path:
    """Write the demo's policy into a folder; its path."""
    path = folder / "policy.yaml"
    path.write_text(shortened(_SHIPPED.read_text()))
    return path
