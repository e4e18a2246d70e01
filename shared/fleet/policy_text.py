"""A policy as text: the YAML that `shared.policy.loading` reads, written for people to go on with."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.fleet.installs import Wish
from shared.fleet.separation import Criteria
from shared.model.cluster import Cluster
from shared.policy.braces import LONGEST

# Plain words that no YAML reader takes for anything else. Version numbers and dates are always quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*")
_OTHER_MEANING = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false", "null"})
# A file of tests is read within the limits of a policy: 1 MiB, and 100 000 values.
_LONGEST_TESTS, _MOST_VALUES = 900 * 1024, 90_000
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class ProfileText:
    """One profile, the rules that lead to it, and what a reader should know of it."""

    name: str
    wish: Wish
    rules: tuple[Criteria, ...]
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands once: how new installations are named, and the comments at the beginning."""

    extension_name: str
    release_train: str
    comments: tuple[str, ...]


def policy_text(heading: Heading, profiles: Sequence[ProfileText]) -> str:
    """The whole document."""
    return "\n".join(_lines(heading, profiles)) + "\n"


def _lines(heading: Heading, profiles: Sequence[ProfileText]) -> Iterator[str]:
    yield from _comments(heading.comments)
    yield "version: 1"
    yield ""
    yield "extension:"
    yield f"  name: {word(heading.extension_name)}  # for new installations; one that exists keeps its name"
    yield f"  releaseTrain: {word(heading.release_train)}"
    yield "  autoUpgradeMinorVersion: true"
    yield ""
    yield "select:"
    yield "  tag: aml-onboard"
    yield ""
    if profiles:
        yield "profiles:"
        for profile in profiles:
            yield from _profile(profile)
        yield ""
        yield "rules:"
        for profile in profiles:
            yield from _rules(profile)
        yield ""
    yield "noRuleMatched: hold"
    yield ""
    yield "adoption:"
    yield "  mode: baseline  # what is installed is kept: name, version, train, settings"


def _comments(lines: Iterable[str], indent: str = "") -> Iterator[str]:
    for line in lines:
        # One line each, whatever a name may hold.
        yield f"{indent}# {visible(line)}".rstrip()


def _profile(profile: ProfileText) -> Iterator[str]:
    yield from _comments(profile.comments, "  ")
    yield f"  {word(profile.name)}:"
    wish = profile.wish
    yield "    settings:" if wish.settings else "    settings: {}"
    for key, value in wish.settings:
        yield f"      {word(key)}: {value if value in {'true', 'false'} else word(value)}"
    if wish.certificate:
        yield "    # Its certificate was given as PEM, which cannot be read back. A new installation needs its source:"
        yield '    # tls: {keyVaultCertificate: "https://<vault>.vault.azure.net/certificates/<name>"}'
    if wish.upgrades is not None:
        version = f", version: {quoted(wish.upgrades.version)}" if wish.upgrades.version else ""
        yield f"    upgrades: {{mode: {wish.upgrades.mode.value}{version}}}"


def _rules(profile: ProfileText) -> Iterator[str]:
    for place, criteria in enumerate(profile.rules, start=1):
        name = profile.name if len(profile.rules) == 1 else f"{profile.name}-rule-{place}"
        yield f"  - name: {word(name)}"
        yield "    match:"
        for key, words in (
            ("kind", criteria.kinds),
            ("subscriptions", criteria.subscriptions),
            ("resourceGroups", criteria.resource_groups),
            ("names", criteria.names),
        ):
            if words:
                yield f"      {key}: [{', '.join(map(quoted, words))}]"
        if criteria.tags:
            tags = [f"{quoted(tag)}: {quoted(value)}" for tag, value in criteria.tags]
            inline = f"      tags: {{{', '.join(tags)}}}"
            # As `muster lint` wants it.
            yield (
                inline if len(inline) <= LONGEST else "\n".join(["      tags:", *(f"        {each}" for each in tags)])
            )
        yield f"    profile: {word(profile.name)}"


def word(text: str) -> str:
    """A word as YAML reads it back: bare where it can mean nothing else."""
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _OTHER_MEANING
    return text if plain else quoted(text)


def quoted(text: str) -> str:
    """A word in double quotes; what cannot be printed is escaped, as YAML 1.2 has it."""
    return f'"{"".join(_ESCAPED.get(character) or _escaped(character) for character in text)}"'


def visible(text: str) -> str:
    """A text on one line for a comment, nothing in it that a terminal or a reader would take as an order."""
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    # Surrogates, byte order marks and everything invisible count as not printable.
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def tests_text(tests: Iterable[tuple[Cluster, str]]) -> str:
    """The file of tests beside it: for each cluster, as if it were selected, the profile that it must get."""
    listed = list(tests)
    lines: list[str] = []
    size = values = 0
    for cluster, profile in listed:
        line = f"  - cluster: {_facts(cluster)}\n    profile: {word(profile)}\n"
        size, values = size + len(line.encode()), values + 12 + 2 * len(cluster.tags)
        if size > _LONGEST_TESTS or values > _MOST_VALUES:
            break
        lines.append(line)
    left = len(listed) - len(lines)
    rest = f"# {left} of {len(listed)} clusters are left out, for want of room.\n" if left else ""
    start = f"# Written by `muster import`; `muster test` runs them.\n{rest}"
    return f"{start}tests:{'' if lines else ' []'}\n{''.join(lines)}"


def _facts(cluster: Cluster) -> str:
    tags = ", ".join(f"{quoted(name)}: {quoted(value)}" for name, value in sorted(cluster.tags.items()))
    nodes = f", nodes: {cluster.nodes}" if cluster.nodes is not None else ""
    return f"{{id: {quoted(cluster.arm_id)}, location: {quoted(cluster.location)}, tags: {{{tags}}}{nodes}}}"
