"""From a live fleet to a policy that changes nothing: profiles from what is installed, rules that find them, tests.

Only settings that somebody chose go into profiles: what the official CLI derives follows from the cluster, what
is protected nobody can read, and names that the catalogue does not know cannot stand in a policy. The last are told.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.azureml.catalogue import canonicalise, setting_for, value_findings
from shared.model.cluster import Cluster
from shared.model.extension import Extension
from shared.model.identity import ClusterId

_LONGEST_WHEN = 480  # an expression of a policy has at most 500 characters


@dataclass(frozen=True, slots=True)
class Installed:
    """One cluster and the one Azure Machine Learning extension on it."""

    cluster: Cluster
    extension: Extension


@dataclass(slots=True)
class Group:
    """Clusters with the same chosen settings: one profile."""

    name: str
    settings: Mapping[str, str]
    pinned: str | None
    members: list[Installed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Imported:
    """The policy's text, its tests, and what could not be taken over."""

    policy: str
    tests: str
    notes: tuple[str, ...]


def import_fleet(clusters: Iterable[Cluster], extensions: Mapping[ClusterId, list[Extension]]) -> Imported:
    """Write the policy of a fleet as it stands. The same fleet gives the same text."""
    notes: list[str] = []
    listed = sorted(clusters, key=lambda each: each.id)
    found = list(_installed(listed, extensions, notes))
    groups = _groups(found, notes)
    rules = [line for group in groups for line in _rules(group, groups)]
    return Imported(_policy(groups, rules), _tests(groups), tuple(notes))


def _installed(
    clusters: Iterable[Cluster], extensions: Mapping[ClusterId, list[Extension]], notes: list[str]
) -> Iterator[Installed]:
    for cluster in clusters:
        ours = [each for each in extensions.get(cluster.id, []) if each.azureml]
        if len(ours) > 1:
            notes.append(f"{cluster.id}: {len(ours)} Azure Machine Learning extensions; left out.")
        elif ours and ours[0].system_managed:
            notes.append(f"{cluster.id}: the platform manages its extension; left out.")
        elif ours:
            yield Installed(cluster, ours[0])


def chosen(extension: Extension) -> tuple[dict[str, str], tuple[str, ...]]:
    """The settings that somebody chose, under their right names, and the keys that a policy cannot hold."""
    settings: dict[str, str] = {}
    left: list[str] = []
    for key, value in sorted(extension.settings.items()):
        known = setting_for(key)
        if known is not None and (known.derived or known.protected):
            continue
        canonical = canonicalise({key: value})
        name = next(iter(canonical.settings), key)
        if canonical.findings or value_findings({name: value}) or "{" in value or name in settings:
            left.append(key)
        else:
            settings[name] = value.lower() if value.lower() in {"true", "false"} else value
    return settings, tuple(left)


def _groups(found: Iterable[Installed], notes: list[str]) -> list[Group]:
    by_content: dict[tuple[tuple[tuple[str, str], ...], str], list[Installed]] = defaultdict(list)
    for each in found:
        settings, left = chosen(each.extension)
        if left:
            notes.append(f"{each.cluster.id}: a policy cannot hold {', '.join(left)}; they stay as they are.")
        pinned = each.extension.version if each.extension.auto_upgrade_minor_version is False else None
        by_content[(tuple(sorted(settings.items())), pinned or "")].append(each)
    groups: list[Group] = []
    for (pairs, version), members in sorted(by_content.items(), key=lambda item: (-len(item[1]), str(item[0]))):
        name = _name(dict(pairs), {group.name for group in groups})
        groups.append(Group(name, dict(pairs), version or None, members))
    return groups


def _name(settings: Mapping[str, str], taken: set[str]) -> str:
    words = [
        word for key, word in (("enableTraining", "training"), ("enableInference", "inference")) if _on(settings, key)
    ]
    base = "-and-".join(words) or "imported"
    if _on(settings, "enableInference"):
        base += "-http" if _on(settings, "allowInsecureConnections") else "-https"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _on(settings: Mapping[str, str], key: str) -> bool:
    return settings.get(key, "").lower() == "true"


def _policy(groups: list[Group], rules: list[str]) -> str:
    lines = [
        "# Written by `muster import` from the fleet as it stood. Tag clusters with aml-onboard=true once a plan",
        "# shows what you expect; what is installed is adopted as it is.",
        "version: 1",
        "adoption: {mode: baseline}",
        "noRuleMatched: hold",
        "profiles:" if groups else "profiles: {}",
    ]
    for group in groups:
        lines += [
            f"  {group.name}:  # {len(group.members)} clusters",
            "    settings:" if group.settings else "    settings: {}",
        ]
        lines += [f"      {json.dumps(key)}: {_scalar(value)}" for key, value in group.settings.items()]
        if group.pinned:
            lines.append(f"    upgrades: {{mode: pinned, version: {json.dumps(group.pinned)}}}")
    lines += ["rules:" if rules else "rules: []", *rules]
    return "\n".join(lines) + "\n"


def _scalar(value: str) -> str:
    return value if value in {"true", "false"} else json.dumps(value, ensure_ascii=False)


def _rules(group: Group, groups: list[Group]) -> Iterator[str]:
    """Rules that hold for the group's clusters and for no other cluster that has the extension."""
    others = [each.cluster for other in groups if other is not group for each in other.members]
    mine = [each.cluster for each in group.members]
    if not others:
        yield f"  - {{name: {group.name}, profile: {group.name}}}"
        return
    kinds = {cluster.kind for cluster in mine}
    if len(kinds) == 1 and not any(cluster.kind in kinds for cluster in others):
        yield f"  - {{name: {group.name}, match: {{kind: {next(iter(kinds)).value}}}, profile: {group.name}}}"
        return
    tag = _separating_tag(mine, others)
    if tag is not None:
        name, value = tag
        match = f"{{tags: {{{json.dumps(name)}: {json.dumps(value)}}}}}"
        yield f"  - {{name: {group.name}, match: {match}, profile: {group.name}}}"
        return
    yield from _by_place(group, mine, others)


def _separating_tag(mine: list[Cluster], others: list[Cluster]) -> tuple[str, str] | None:
    """A tag that all of the group carry with one value, and no other cluster does."""
    for name, value in sorted(mine[0].tags.items()):
        simple = value and not set("*?{") & set(value + name)
        if simple and all(each.tag(name) == value for each in mine) and all(each.tag(name) != value for each in others):
            return name.casefold(), value
    return None


def _by_place(group: Group, mine: list[Cluster], others: list[Cluster]) -> Iterator[str]:
    """A rule for each resource group; names of clusters where others lie in it as well."""
    places: dict[tuple[str, str, str], list[Cluster]] = defaultdict(list)
    for cluster in mine:
        places[(cluster.id.subscription, cluster.id.resource_group, cluster.kind.value)].append(cluster)
    taken = {(each.id.subscription, each.id.resource_group, each.kind.value) for each in others}
    number = 0
    for place, members in sorted(places.items()):
        for names in _chunks(sorted(each.name for each in members)) if place in taken else [None]:
            number += 1
            subscription, resource_group, kind = place
            match = f"{{kind: {kind}, subscriptions: {subscription}, resourceGroups: {json.dumps(resource_group)}}}"
            when = f", when: {json.dumps(_when(names))}" if names else ""
            yield f"  - {{name: {group.name}-at-{number}, match: {match}{when}, profile: {group.name}}}"


def _when(names: list[str]) -> str:
    return f"cluster.name in {json.dumps(names)}"


def _chunks(names: list[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for name in names:
        if chunk and len(_when([*chunk, name])) > _LONGEST_WHEN:
            yield chunk
            chunk = []
        chunk.append(name)
    yield chunk


def _tests(groups: list[Group]) -> str:
    """One test a cluster: its facts, and the profile that it gets."""
    lines = ["# Written by `muster import`; `muster test` runs them.", "tests:" if groups else "tests: []"]
    for group in groups:
        for each in group.members:
            cluster = each.cluster
            tags = dict(sorted(cluster.tags.items())) | {"aml-onboard": "true"}
            facts: dict[str, object] = {"id": cluster.arm_id, "location": cluster.location, "tags": tags}
            facts |= {"nodes": cluster.nodes} if cluster.nodes is not None else {}
            lines.append(f"  - cluster: {json.dumps(facts, ensure_ascii=False)}")
            lines.append(f"    profile: {group.name}")
    return "\n".join(lines) + "\n"
