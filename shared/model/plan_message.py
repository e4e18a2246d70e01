"""The message of the queue "plans": a plan is to be made. Unknown fields are ignored.

    {"v": 1, "plan": "<id>"}

A queue of its own: a message of "reconcile" names a cluster, and whoever serves that queue takes steps.
Standard library only: the functions import it at every cold start.
"""

import json
import re

from shared.errors import RequestError

QUEUE = "plans"
_ID = re.compile(r"[0-9a-f]{32}")


def is_plan_id(text: str) -> bool:
    """Whether a text can be the id of a plan."""
    return _ID.fullmatch(text) is not None


def encode(plan: str) -> str:
    """The text of a message."""
    return json.dumps({"v": 1, "plan": plan}, separators=(",", ":"))


def decode(text: str) -> str:
    """The id of the plan that a message asks for.

    Raises:
        RequestError: it is none of ours; no retry can mend it.
    """
    try:
        plan = json.loads(text)["plan"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RequestError(f"A message of the queue {QUEUE} cannot be read: {type(error).__name__}.") from error
    if not isinstance(plan, str) or not is_plan_id(plan):
        raise RequestError(f"A message of the queue {QUEUE} names no plan.")
    return plan
