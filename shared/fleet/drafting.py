"""A plan's content, made by the sweep's own pass over the ground it is given: the live fleet, or a recorded one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.errors import IntentsUnreadable
from shared.fleet.forecast import forecast
from shared.fleet.ground import Ground
from shared.fleet.planning import Draft, ceiling, counted, grouped
from shared.fleet.survey import Survey
from shared.fleet.sweep import most_fresh
from shared.fleet.visibility import doubts
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId
from shared.model.intent import FleetWord
from shared.policy.loading import parse_policy
from shared.policy.model import Policy, PolicyText

# So many clusters are named that only a look can tell about; all are counted.
_NAMED = 100


@dataclass(frozen=True, slots=True)
class Passing:
    """What a pass is for.

    Attributes:
        standing: the policy in force, where another is planned for.
        only: the one cluster that is meant; None for the fleet.
        within: the subscriptions that are passed over; None for all.
    """

    policy: Policy
    now: datetime
    standing: Policy | None = None
    only: ClusterId | None = None
    within: frozenset[str] | None = None


def texts_given(standing: Policy, given: str | Mapping[str, str] | None) -> tuple[PolicyText, ...]:
    """The texts of a policy that somebody gives: none, one, or several by name.

    A single text stands in the place of the one in force: its name counts for the digest.
    """
    if given is None:
        return ()
    if not isinstance(given, str):
        return tuple(PolicyText(name, text) for name, text in given.items())
    return (PolicyText(standing.texts[0].name if len(standing.texts) == 1 else "policy.yaml", given),)


async def planned(
    ground: Ground, texts: tuple[PolicyText, ...], only: ClusterId | None, now: datetime
) -> dict[str, Any]:
    """A plan against a policy (none: the one in force), as JSON.

    Raises:
        MusterError: the fleet could not be read, or the policy does not validate.
    """
    standing = await ground.policies.current()
    other = await asyncio.to_thread(parse_policy, texts) if texts else standing
    against = other.digest != standing.digest
    policy = replace(other, generation=standing.generation + 1) if against else standing
    draft, found, words, gates = await drafted(ground, Passing(policy, now, standing if against else None, only))
    doubtful = doubts(found.known, found.unlisted, found.fresh, most_fresh(policy, words, now))
    if doubtful.mass and only is None:
        draft.mass(doubtful.mass)
    approval = _policy_approval(standing, draft) if against else ""
    items = sorted(draft.items, key=lambda item: item.cluster)
    approved = gates.fleet.approved
    books = await ground.books.books(policy)
    foreseen = await asyncio.to_thread(forecast, items, policy, books, approved, now, first=approval)
    return {
        "asOf": now.isoformat(),
        "policy": {"digest": standing.digest, "generation": standing.generation},
        "against": policy.digest if against else None,
        "approval": approval or None,
        "ceiling": ceiling(gates) or None,
        "doubt": doubtful.unseen or None if only is None else None,
        "digest": draft.digest,
        "counts": counted(draft),
        "groups": grouped(items),
        "forecast": foreseen.plain(policy.rollout),
        "unsure": sorted(map(str, draft.unsure))[:_NAMED],
        "items": [item.plain() for item in items],
        "applied": None,
    }


async def drafted(ground: Ground, passing: Passing) -> tuple[Draft, Survey, tuple[FleetWord, ...], Gates]:
    """Pass over the fleet (over some subscriptions) as a sweep does.

    Raises:
        MusterError: something could not be read to its end.
    """
    footing, words = await ground.footing(passing.policy, passing.now)
    if not footing.readable:
        raise IntentsUnreadable("What people asked for cannot be read, so nothing can be planned.")
    within = frozenset({passing.only.subscription}) if passing.only is not None else passing.within
    if within is not None:
        some = {name: groups for name, groups in footing.subscriptions.items() if name in within}
        footing = replace(footing, subscriptions=some)
    draft = Draft(passing.policy, passing.now, passing.standing, only=passing.only)
    if passing.standing is not None:
        draft.gates = Gates(Mode.ENFORCE, fleet=await ground.books.view(passing.standing, words))
    found = await ground.surveyor.survey(footing, None, draft.see)
    return draft, found, words, footing.gates


def _policy_approval(standing: Policy, draft: Draft) -> str:
    """The approval that a policy would wait for as a whole; "" where it would act by itself."""
    most = standing.rollout.policy_change_clusters
    small = most is None or (draft.would_change <= most and not draft.would_disturb)
    return "" if small else f"policy-{draft.policy.digest[:12]}"
