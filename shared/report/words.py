"""People's words as the audit records them: who said what about which clusters, why, and for how long."""

from datetime import datetime

from shared.model.audit import FLEET, Kind, Record, recorded
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb, FleetWord, Intent, Word

_CLUSTER = "cluster/"
_ACTIONS = {Word.ENROL: "EnrolByHand", Word.REMOVE: "RemoveByHand"}


def cluster_word(intent: Intent) -> Record:
    """A word about one cluster. Of its settings the keys are told."""
    return recorded(
        intent.at,
        Kind.WORD,
        str(intent.cluster),
        _ACTIONS[intent.word],
        by=intent.who,
        who=intent.who,
        reason=intent.why,
        until=intent.until.isoformat() if intent.until else None,
        profile=intent.profile,
        keys=sorted(intent.settings),
        acceptDisruption=intent.accept_disruption or None,
        incarnation=intent.incarnation,
    )


def withdrawal(cluster: ClusterId, who: str, at: datetime) -> Record:
    """That the word about a cluster no longer stands."""
    return recorded(at, Kind.WORD, str(cluster), "Withdraw", by=who, who=who)


def resolving(cluster: ClusterId, who: str, at: datetime, *, wanted: bool) -> Record:
    """That a cluster's values are to be resolved by today's facts, or no longer."""
    return recorded(at, Kind.WORD, str(cluster), "Resolve" if wanted else "KeepResolved", by=who, who=who)


def applying(plan: str, digest: str, cluster: ClusterId | None, who: str, at: datetime) -> Record:
    """That a saved plan, of the fleet or of one cluster, is to be done."""
    subject = str(cluster) if cluster else FLEET
    return recorded(at, Kind.WORD, subject, "ApplyPlan", by=f"{who} {plan}", who=who, word=plan, about=digest)


def fleet_word(action: str, word: FleetWord) -> Record:
    """A word about more than one cluster, or about one change."""
    pause = word.verb is FleetVerb.PAUSE
    return recorded(
        word.at,
        Kind.WORD,
        _subject(word) if pause else FLEET,
        action,
        by=f"{word.who} {word.id}",
        word=word.id,
        who=word.who,
        reason=word.why,
        about=None if pause else word.subject,
        until=word.until.isoformat() if word.until else None,
    )


def _subject(word: FleetWord) -> str:
    """A cluster by its id, as everywhere in the trail; the fleet and rings as they are called."""
    if word.subject.startswith(_CLUSTER):
        return str(ClusterId.from_key(word.subject.removeprefix(_CLUSTER)))
    return word.subject
