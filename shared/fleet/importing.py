"""From a live fleet to a policy under which nothing on it would change: profiles, rules that find them, tests.

Installations that amount to the same make one profile; each profile gets rules that hold for its clusters
and for no other installed one (`separation`). Whether a plan over the fleet shows a change is then not
assumed but asked: the text is read back as any policy is, and `decide` is run on every cluster. What it
says goes with the result, so that whoever imports learns of it before he puts the policy in force.

Pure: no request is made, and the same fleet gives the same text, whatever order it was read in.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import PolicyError
from shared.fleet.installs import Wish, read_install
from shared.fleet.policy_text import Heading, ProfileText, policy_text, tests_text, visible
from shared.fleet.separation import Subject, separate
from shared.model.cluster import Cluster
from shared.model.decision import Decision
from shared.model.extension import Extension
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId
from shared.model.observation import Observation
from shared.model.request import Reason
from shared.policy.document import MAX_BYTES
from shared.policy.loading import parse_policy
from shared.policy.model import PolicyText
from shared.reconcile.decide import decide

SELECT_TAG = "aml-onboard"
_EXAMPLES = 8
_NAME = r"[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?"
_TRAIN = r"[A-Za-z][\w-]{0,62}"

type Changes = Mapping[str, tuple[str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Install:
    """One installation that a profile stands for."""

    cluster: Cluster
    extension: Extension
    wish: Wish
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fleet:
    """The fleet, sorted into what is imported and what is not.

    Attributes:
        clusters: every cluster, each once, in the order of the ids.
        extensions: the Azure Machine Learning extensions of each.
        installs: what is imported, by cluster.
        apart: clusters with an extension that no profile stands for, and why.
    """

    clusters: Mapping[ClusterId, Cluster]
    extensions: Mapping[ClusterId, tuple[Extension, ...]]
    installs: Mapping[ClusterId, Install]
    apart: Mapping[ClusterId, str]


@dataclass(frozen=True, slots=True)
class Imported:
    """The policy, its tests, and what a plan under it says.

    Attributes:
        policy: the policy's text.
        tests: the text of its tests.
        expected: the profile of each imported cluster.
        decisions: what `decide` says with every installed cluster selected and all gates open; clusters
            without an extension that are not selected are left out.
        notes: what could not be taken over, one line each. Keys are named, values never.
        changes: what the plan shows that somebody should look at, one line each.
    """

    policy: str
    tests: str
    expected: Mapping[ClusterId, str]
    decisions: Mapping[ClusterId, Decision]
    notes: tuple[str, ...]
    changes: tuple[str, ...]


def import_fleet(
    clusters: Iterable[Cluster],
    extensions: Mapping[ClusterId, Sequence[Extension]],
    now: datetime,
    *,
    own_names: frozenset[str] = frozenset(),
) -> Imported:
    """Write the policy of a fleet as it stands.

    Args:
        clusters: the clusters in scope.
        extensions: the extensions of each, of any type.
        now: the time of the decisions that the result is checked by.
        own_names: names under which Azure records this Muster's writes.

    Raises:
        PolicyError: the fleet's rules are more than a policy may hold.
    """
    fleet = _sorted(clusters, extensions)
    profiles = _profiles(fleet)
    names = {profile.wish: profile.name for profile in profiles}
    expected = {owner: names[install.wish] for owner, install in fleet.installs.items()}
    policy = policy_text(_heading(fleet), profiles)
    if len(policy.encode()) > MAX_BYTES:
        raise PolicyError(
            f"{len(fleet.installs)} installs that little tells apart need more rules than a policy may hold "
            f"({MAX_BYTES // 1024} KiB): import a part of MUSTER_SCOPE at a time, or tag the clusters first."
        )
    decisions = _foreseen(policy, fleet, now, own_names)
    tests = tests_text((_as_selected(fleet.clusters[owner]), name) for owner, name in expected.items())
    return Imported(policy, tests, expected, decisions, tuple(_notes(fleet)), tuple(_changes(expected, decisions)))


def _sorted(clusters: Iterable[Cluster], extensions: Mapping[ClusterId, Sequence[Extension]]) -> Fleet:
    known = {cluster.id: cluster for cluster in sorted(clusters, key=lambda each: each.id)}
    owned: dict[ClusterId, tuple[Extension, ...]] = {}
    for owner, listed in sorted(extensions.items()):
        # A row may come twice, when the fleet changes between two pages.
        named = {each.name.lower(): each for each in listed if each.azureml}
        if named:
            owned[owner] = tuple(named[name] for name in sorted(named))
    installs: dict[ClusterId, Install] = {}
    apart: dict[ClusterId, str] = {}
    for owner, found in owned.items():
        cluster = known.get(owner)
        reason = _apart(found)
        if cluster is None:
            apart[owner] = "the cluster is not listed, or not in scope; left out"
        elif reason:
            apart[owner] = reason
        else:
            reading = read_install(found[0], cluster.kind)
            installs[owner] = Install(cluster, found[0], reading.wish, reading.left_out)
    return Fleet(known, owned, installs, apart)


def _apart(extensions: Sequence[Extension]) -> str:
    """Why no profile stands for these; "" where one does."""
    if len(extensions) > 1:
        return f"{len(extensions)} Azure Machine Learning extensions; left out"
    if extensions[0].system_managed:
        return "the platform manages its extension; left out"
    return "its extension is being removed; left out" if extensions[0].provisioning_state.lower() == "deleting" else ""


def _profiles(fleet: Fleet) -> list[ProfileText]:
    groups: dict[Wish, list[Install]] = defaultdict(list)
    for install in fleet.installs.values():
        groups[install.wish].append(install)
    scenarios: dict[str, list[Wish]] = defaultdict(list)
    for wish in sorted(groups, key=lambda each: (-len(groups[each]), _order(each))):
        scenarios[wish.scenario].append(wish)
    subjects = {owner: Subject.of(cluster) for owner, cluster in fleet.clusters.items()}
    # Whoever is selected and has nothing would be installed by a rule that holds for him.
    bare = {owner for owner, cluster in fleet.clusters.items() if owner not in fleet.installs and _selected(cluster)}
    watched = bare | fleet.installs.keys()
    found = []
    for scenario, wishes in sorted(scenarios.items()):
        for place, wish in enumerate(wishes, start=1):
            members = {install.cluster.id for install in groups[wish]}
            rules = separate((subjects[each] for each in members), (subjects[each] for each in watched - members))
            name = scenario if len(wishes) == 1 else f"{scenario}-{place}"
            found.append(ProfileText(name, wish, rules, _origin(groups[wish])))
    return found


def _order(wish: Wish) -> tuple[object, ...]:
    upgrades = wish.upgrades
    return (wish.settings, (upgrades.mode.value, upgrades.version or "") if upgrades else ("", ""))


def _selected(cluster: Cluster) -> bool:
    return (cluster.tag(SELECT_TAG) or "").casefold() == "true"


def _as_selected(cluster: Cluster) -> Cluster:
    others = {name: value for name, value in cluster.tags.items() if name.casefold() != SELECT_TAG}
    return replace(cluster, tags={**others, SELECT_TAG: "true"})


def _origin(installs: Sequence[Install]) -> tuple[str, ...]:
    """Where a profile comes from, in a few lines."""
    names = [f"{install.cluster.resource_group}/{install.cluster.name}" for install in installs]
    extensions = [install.extension for install in installs]
    return (
        f"From {len(names)} cluster{'' if len(names) == 1 else 's'}: {_shortened(names)}.",
        f"Extension names: {_counted(each.name for each in extensions)}.",
        f"Trains: {_counted((each.release_train or 'not told').lower() for each in extensions)}.",
        f"Versions: {_counted(each.current_version or each.version or 'not told' for each in extensions)}.",
    )


def _counted(words: Iterable[str]) -> str:
    counts = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    return _shortened([f"{text} ({count})" for text, count in counts])


def _shortened(words: Sequence[str]) -> str:
    more = f" and {len(words) - _EXAMPLES} more" if len(words) > _EXAMPLES else ""
    return ", ".join(words[:_EXAMPLES]) + more


def _heading(fleet: Fleet) -> Heading:
    installs = fleet.installs.values()
    return Heading(
        _commonest((install.extension.name for install in installs), _NAME, "azureml"),
        _commonest(((install.extension.release_train or "").lower() for install in installs), _TRAIN, "stable"),
        (
            f"Written by `muster import` from {len(fleet.clusters)} clusters, {len(installs)} of them with the",
            "Azure Machine Learning extension. Under it nothing on them changes: each gets a profile that says what is",
            "installed. A cluster counts from the moment that its tag aml-onboard is true; one without the extension",
            "is then installed by the rule that holds for it, or held where none does.",
            "Check it with `muster lint` and `muster test`. Give profiles and rules names of your own.",
        ),
    )


def _commonest(words: Iterable[str], pattern: str, default: str) -> str:
    counts = Counter(text for text in words if re.fullmatch(pattern, text))
    return min(counts, key=lambda text: (-counts[text], text), default=default)


def _notes(fleet: Fleet) -> Iterator[str]:
    for owner, reason in fleet.apart.items():
        yield f"{owner}: {reason}."
    for owner, install in fleet.installs.items():
        if install.left_out:
            told = "; ".join(f"{visible(key)}: {reason}" for key, reason in install.left_out.items())
            yield f"{owner}: left out of its profile, and left as it is: {told}."
    if any(install.wish.certificate for install in fleet.installs.values()):
        yield (
            "Certificates that were given as PEM cannot be read back: a new installation by such a profile is held "
            "until tls.keyVaultCertificate is written there."
        )


def _foreseen(text: str, fleet: Fleet, now: datetime, own_names: frozenset[str]) -> Mapping[ClusterId, Decision]:
    """What would be done under the policy."""
    policy = parse_policy([PolicyText("policy.yaml", text)])
    return {
        owner: decide(
            Observation(
                owner,
                Reason.SWEEP,
                Gates(Mode.ENFORCE),
                cluster=_as_selected(cluster),
                extensions=fleet.extensions.get(owner, ()),
                own_names=own_names,
                # Rules of an import never ask for them.
                management_groups=frozenset(),
            ),
            policy,
            now,
        )
        for owner, cluster in fleet.clusters.items()
        if owner in fleet.extensions or _selected(cluster)
    }


def _changes(expected: Mapping[ClusterId, str], decisions: Mapping[ClusterId, Decision]) -> Iterator[str]:
    """What the plan shows: steps, differences that no policy can express, holds. Values are not told."""
    for owner, decision in decisions.items():
        intended = decision.intended or decision.action
        if intended.writes:
            yield f"{owner}: {intended.value}: {decision.reason}"
        elif decision.changes:
            keys = ", ".join(sorted(decision.changes))
            yield f"{owner}: differs in what is always sent: {keys}. It is reported, nothing is written."
        elif owner in expected and decision.state.hold is not None:
            yield f"{owner}: held ({decision.state.hold.code.value}): {decision.state.hold.reason}"
        elif owner in expected and decision.profile not in {None, expected[owner]}:
            yield f"{owner}: gets the profile {decision.profile} in place of {expected[owner]}, a defect of the import."
