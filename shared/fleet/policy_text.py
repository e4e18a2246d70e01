"""A policy as text: the YAML that `shared.policy.loading` reads, written for people to go on with."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.fleet.installs import Wish
from shared.fleet.separation import Criteria

# Plain words that no YAML reader takes for anything else. Version numbers and dates are always quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*")
_OTHER_MEANING = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false", "null"})
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# RFC 2606: a name that never leads anywhere, so that nobody's vault is asked by mistake.
UNNAMED_CERTIFICATE = "https://vault-to-be-named.invalid/certificates/inference"


@dataclass(frozen=True, slots=True)
class ProfileText:
    """One profile, the rules that lead to it, and what a reader should know of it."""

    name: str
    wish: Wish
    rules: tuple[Criteria, ...]
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands once: how new installations are named, and the comments at the beginning and the end."""

    extension_name: str
    release_train: str
    comments: tuple[str, ...]
    footnotes: tuple[str, ...] = ()


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
    yield "  mode: baseline  # what stands is kept: name, version, train, settings"
    yield from ("", *_comments(heading.footnotes)) if heading.footnotes else ()


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
        yield "    tls:"
        yield "      # The PEM that is in use cannot be read back: name the certificate in Key Vault here."
        yield f"      keyVaultCertificate: {quoted(UNNAMED_CERTIFICATE)}"
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
        ):
            if words:
                yield f"      {key}: [{', '.join(map(quoted, words))}]"
        if criteria.tags:
            yield f"      tags: {{{', '.join(f'{quoted(tag)}: {quoted(value)}' for tag, value in criteria.tags)}}}"
        if criteria.when is not None:
            yield f"    when: {quoted(criteria.when)}"
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
