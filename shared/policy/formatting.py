"""A policy's text in the one shape that reviews are easiest in: indentation and spacing; words and comments stay.

Two spaces a level, lists below their key and indented, no spaces at the ends of lines, one line feed at the end. Lines
are not folded. What is written in one line in braces stays there.
"""

import io
import re
from dataclasses import replace

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from shared.errors import Finding, PolicyError
from shared.policy.loading import parse_policy
from shared.policy.model import Policy, PolicyText

# No policy has lines as long.
_UNFOLDED = 1_000_000


def formatted(text: PolicyText) -> PolicyText:
    """The text in shape.

    Raises:
        PolicyError: it is no YAML, or cannot be brought in shape without a change of what it says.
    """
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _UNFOLDED
    yaml.indent(mapping=2, sequence=4, offset=2)
    shaped = io.StringIO()
    try:
        yaml.dump_all(list(yaml.load_all(text.text)), shaped)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{text.name}:{mark.line + 1}" if mark is not None else text.name
        raise PolicyError(
            "The policy cannot be read.", (Finding(where, str(getattr(error, "problem", error))),)
        ) from error
    lines = [re.sub(r"[ \t]+$", "", line) for line in shaped.getvalue().split("\n")]
    return replace(text, text="\n".join(lines).strip("\n") + "\n")


def unchanged(before: tuple[PolicyText, ...], after: tuple[PolicyText, ...]) -> None:
    """Make sure that a policy says the same before and after.

    Raises:
        PolicyError: it is not valid, or says something else.
    """
    if _said(parse_policy(before)) != _said(parse_policy(after)):
        raise PolicyError(
            "The policy is left as it is.",
            (Finding(before[0].name, "its shape cannot be changed without its meaning"),),
        )


def _said(policy: Policy) -> Policy:
    return replace(policy, digest="", texts=())
