"""What the page's forms do: the same as the API's calls, by the same functions, under the visitor's name."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta

from functions.answers import NotFound
from functions.handworks import ask_for_look, install_by_hand, withdraw_word
from functions.plans import apply_plan, ask_for_plan
from functions.readings import cluster_view
from functions.steering import decide_approval, end_pause, set_pause
from shared.composition import house
from shared.errors import Finding, RequestError
from shared.model.identity import ClusterId

# Told on the page that follows, by the name in its address: nothing of the address itself is shown.
DONE: Mapping[str, str] = {
    "look": "A look was asked for. It takes a few seconds.",
    "retry": "Another try was asked for.",
    "resolve": "Its values follow today's facts, as soon as nothing stands in the way.",
    "keep": "Its values stay as installed.",
    "pause": "It is paused.",
    "resume": "The pause has ended.",
    "install": "The cluster is enrolled by hand, and a look was asked for.",
    "withdraw": "The word was withdrawn, and a look was asked for.",
    "approve": "It is approved.",
    "apply": "The plan is applied: looks were asked for.",
}
_LONGEST = 24 * 30
_DIGITS = re.compile(r"[0-9]{1,3}")


async def taken(path: list[str], fields: Mapping[str, str], who: str) -> tuple[str, str]:
    """Do what a form asks for.

    Returns:
        the page below the root that shows what became of it, and the name of what to say there; "" for nothing.

    Raises:
        NotFound: there is no such form, or nothing that it speaks of.
        RequestError: a field is wrong, which is named.
    """
    match path:
        case ["approvals", name]:
            await decide_approval(name, _body(approve=True, reason=fields.get("reason", "")), who)
            return "", "approve"
        case ["pauses", name]:
            key = fields.get("cluster", "")
            back = f"/clusters/{ClusterId.from_key(key).key}" if key else ""
            await end_pause(name, who)
            return back, "resume"
        case ["plans"]:
            begun = await ask_for_plan(_body(cluster=fields.get("cluster") or None), who)
            return f"/plans/{json.loads(begun.get_body())['id']}", ""
        case ["plans", plan, "apply"]:
            await apply_plan(plan, _body(digest=fields.get("digest") or None), who)
            return f"/plans/{plan}", "apply"
        case ["clusters", key, act] if act in DONE:
            await _about(ClusterId.from_key(key), act, fields, who)
            return f"/clusters/{key}", act
        case _:
            raise NotFound("There is no such form.")


async def _about(cluster: ClusterId, act: str, fields: Mapping[str, str], who: str) -> None:
    reason = fields.get("reason", "")
    match act:
        case "look":
            await ask_for_look(cluster, b"{}", who)
        case "retry":
            await _retry(cluster, who)
        case "resolve" | "keep":
            await ask_for_look(cluster, _body(resolve=act == "resolve"), who)
        case "pause":
            until = (await house()).clock() + timedelta(hours=_hours(fields.get("hours", "")))
            scope = f"cluster/{cluster.key}"
            await set_pause(_body(scope=scope, until=until.isoformat(), reason=reason), who)
        case "install":
            wish = {"cluster": str(cluster), "profile": fields.get("profile") or None, "reason": reason}
            await install_by_hand(_body(**wish), who)
        case "withdraw":
            await withdraw_word(cluster, who)
        case _:
            raise NotFound("There is no such form.")


async def _retry(cluster: ClusterId, who: str) -> None:
    """Approve the next try where a quarantine or a contested change stands, else look."""
    hold = (await cluster_view(await house(), cluster))["state"]["hold"]
    name = str(hold["approval"] or "") if hold else ""
    if name.startswith(("retry-", "revert-")):
        await decide_approval(name, _body(approve=True, reason="The cause is mended (from the page)."), who)
    else:
        await ask_for_look(cluster, b"{}", who)


def _hours(text: str) -> int:
    hours = int(text) if _DIGITS.fullmatch(text) else 0
    if not 1 <= hours <= _LONGEST:
        raise RequestError("The pause has no length.", (Finding("hours", f"a whole number from 1 to {_LONGEST}"),))
    return hours


def _body(**fields: object) -> bytes:
    return json.dumps(fields).encode()
