"""A policy's text in the one shape that reviews are easiest in: indentation and spacing; words and comments stay.

Two spaces a level, lists below their key and indented, no spaces at the ends of lines, one line feed at the end. Lines
are not folded. What is written in braces stays there, unless it has comments within, or hurts reviews, as `muster lint`
remarks on it: then each key gets a line.
"""

import io
import re
from dataclasses import replace

from ruamel.yaml import YAML

from shared.errors import Finding, PolicyError
from shared.policy.braces import broken_up, comments_of, too_much
from shared.policy.document import read_documents
from shared.policy.loading import parse_policy
from shared.policy.model import Policy, PolicyText

# No policy has lines as long.
_UNFOLDED = 1_000_000


def formatted(text: PolicyText) -> PolicyText:
    """The text in shape.

    Raises:
        PolicyError: it is no YAML that a policy may be written in.
    """
    _, mistakes = read_documents(text)
    if mistakes:
        raise PolicyError("The policy cannot be read.", tuple(mistakes))
    shaped = _shaped(broken_up(text))
    while too_much(shaped):  # indentation may have made a line too long; each turn leaves fewer braces
        shaped = _shaped(broken_up(shaped))
    return shaped


def _shaped(text: PolicyText) -> PolicyText:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _UNFOLDED
    yaml.indent(mapping=2, sequence=4, offset=2)
    shaped = io.StringIO()
    yaml.dump_all(list(yaml.load_all(text.text)), shaped)
    lines = [re.sub(r"[ \t]+$", "", line) for line in shaped.getvalue().split("\n")]
    return replace(text, text="\n".join(lines).strip("\n") + "\n")


def unchanged(before: tuple[PolicyText, ...], after: tuple[PolicyText, ...]) -> None:
    """Make sure that a policy says the same before and after, and in the same comments.

    Raises:
        PolicyError: it is not valid, or says something else.
    """
    commented = [[note for text in texts for note in comments_of(text)] for texts in (before, after)]
    if _said(parse_policy(before)) != _said(parse_policy(after)) or commented[0] != commented[1]:
        raise PolicyError(
            "The policy is left as it is.",
            (Finding(before[0].name, "its shape cannot be changed without its meaning or its comments"),),
        )


def _said(policy: Policy) -> Policy:
    return replace(policy, digest="", texts=())
