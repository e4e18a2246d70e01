"""Reading `profiles`, with their `extends` chains merged."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.azureml.catalogue import AUTO, canonicalise, setting_for, value_findings
from shared.errors import Finding
from shared.model.extension import Origin, Provenance
from shared.policy.document import Node
from shared.policy.model import Profile, UpgradeMode, Upgrades
from shared.policy.section import Section, scalar
from shared.policy.templates import mistakes, templated
from shared.policy.words import nearest

NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?"
TLS_SECRET = "sslSecret"  # noqa: S105  the name of a setting
VERSION = r"\d+\.\d+\.\d+([-+.].+)?"
_CERTIFICATE = r"https://[\w.-]+(:\d{1,5})?/(certificates|secrets)/([\w-]|\{[\w.]+\})+(/\w+)?"
_KUBERNETES_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"


@dataclass(slots=True)
class Draft:
    """One profile as written, before its parents are merged in."""

    node: Node
    name: str
    extends: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    selectable: bool = False
    tag_patterns: dict[str, str] = field(default_factory=dict)
    certificate: Node | None = None
    upgrades: Upgrades | None = None


def read_settings(
    entries: Mapping[str, Node], findings: list[Finding], warnings: list[Finding]
) -> tuple[dict[str, str], dict[str, Node]]:
    """Settings of the extension with canonical keys, and the node of each for later findings."""
    settings: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    for key, node in entries.items():
        text = scalar(node, findings)
        if text is None:
            continue
        known = setting_for(key)
        if known is not None and known.protected:  # a policy is read by many and kept for long
            findings.append(node.finding(f"{key} is a secret and does not belong into a policy; see tls"))
            continue
        canonical = canonicalise({key: text})
        findings.extend(node.finding(found.message) for found in canonical.findings)
        warnings.extend(node.finding(warning) for warning in canonical.warnings)
        for name, value in canonical.settings.items():
            if name in settings:
                findings.append(node.finding(f"the setting {name} stands twice; it is also at {nodes[name].where}"))
            settings[name] = AUTO if known is not None and known.auto and value.lower() == AUTO else value
            nodes[name] = node
            if not templated(value):
                findings.extend(node.finding(found.message) for found in value_findings({name: value}))
    return settings, nodes


def read_profiles(entries: Mapping[str, Node], findings: list[Finding], warnings: list[Finding]) -> dict[str, Profile]:
    """Every profile, merged with its parents."""
    drafts = {name: _draft(name, node, findings, warnings) for name, node in entries.items()}
    profiles = {}
    for draft in drafts.values():
        chain = _chain(draft, drafts, findings)
        profiles[draft.name] = _merged(chain)
        for key, node in draft.nodes.items():
            allowed = None if key == TLS_SECRET else profiles[draft.name].tag_patterns
            findings.extend(node.finding(mistake) for mistake in mistakes(draft.settings[key], allowed))
    return profiles


def _draft(name: str, node: Node, findings: list[Finding], warnings: list[Finding]) -> Draft:
    if re.fullmatch(NAME, name) is None:
        findings.append(node.finding(f"'{name}' is not a valid name; use letters, digits, '.', '_' and '-'"))
    section = Section(node, findings)
    draft = Draft(node, name)
    draft.extends = section.text("extends") or None
    draft.selectable = section.boolean("selectableByTag", default=False)
    draft.settings, draft.nodes = read_settings(section.mapping("settings"), findings, warnings)
    draft.tag_patterns = _tag_patterns(section.mapping("tagPatterns"), findings)
    _tls(section, draft)
    draft.upgrades = _upgrades(section)
    section.text("description")
    section.done()
    return draft


def _tag_patterns(entries: Mapping[str, Node], findings: list[Finding]) -> dict[str, str]:
    patterns = {}
    for tag, node in entries.items():
        pattern = scalar(node, findings) or ""
        try:
            re.compile(pattern)
        except re.error as error:
            findings.append(node.finding(f"this is not a regular expression: {error}"))
        else:
            patterns[tag.casefold()] = pattern
    return patterns


def _tls(section: Section, draft: Draft) -> None:
    tls = section.section("tls")
    if tls is None:
        return
    certificate = tls.take("keyVaultCertificate")
    secret_node = tls.take("secret")
    tls.done()
    if certificate is not None:
        if secret_node is not None:
            tls.refuse(certificate, "write keyVaultCertificate or secret, not both")
        if re.fullmatch(_CERTIFICATE, certificate.text or "") is None:
            tls.refuse(
                certificate,
                "write the address of a certificate or secret: https://<vault>/certificates/<name>, "
                "https://<vault>/secrets/<name>",
            )
        for mistake in mistakes(certificate.text or "", None):
            tls.refuse(certificate, mistake)
        draft.certificate = certificate
    if secret_node is None:
        return
    secret = scalar(secret_node, tls.findings) or ""
    if not templated(secret) and re.fullmatch(_KUBERNETES_NAME, secret) is None:
        tls.refuse(secret_node, f"'{secret}' cannot be a Kubernetes secret's name")
    if TLS_SECRET in draft.settings:
        tls.refuse(secret_node, f"the secret stands twice: here and as settings.{TLS_SECRET}")
    draft.settings[TLS_SECRET], draft.nodes[TLS_SECRET] = secret, secret_node


def _upgrades(section: Section) -> Upgrades | None:
    upgrades = section.section("upgrades")
    if upgrades is None:
        return None
    mode = upgrades.choice("mode", UpgradeMode.AUTO)
    if "mode" not in (upgrades.node.keys or {}):
        upgrades.refuse(upgrades.node, "'mode' is missing")
    version = upgrades.text("version", pattern=VERSION) or None
    if (mode is UpgradeMode.PINNED) != (version is not None):
        upgrades.refuse(upgrades.node, "mode: pinned needs a version, and only it may have one")
    upgrades.done()
    return Upgrades(mode, version)


def _chain(draft: Draft, drafts: Mapping[str, Draft], findings: list[Finding]) -> list[Draft]:
    """The profile and its parents, the farthest first. A broken chain ends where it breaks."""
    chain = [draft]
    while (parent := chain[0].extends) is not None:
        if parent in {member.name for member in chain}:
            if parent == draft.name:  # each profile of the circle reports itself once
                names = " -> ".join([member.name for member in reversed(chain)] + [parent])
                findings.append(draft.node.finding(f"extends goes in a circle: {names}"))
            break
        if parent not in drafts:
            if len(chain) == 1:
                message = f"extends the profile '{parent}', which there is not{nearest(parent, drafts)}"
                findings.append(draft.node.finding(message))
            break
        chain.insert(0, drafts[parent])
    return chain


def _merged(chain: list[Draft]) -> Profile:
    settings: dict[str, str] = {}
    origins: dict[str, Provenance] = {}
    patterns: dict[str, str] = {}
    certificate: str | None = None
    upgrades: Upgrades | None = None
    for draft in chain:
        settings |= draft.settings
        origins |= {key: Provenance(Origin.PROFILE, draft.name) for key in draft.settings}
        patterns |= draft.tag_patterns
        upgrades = draft.upgrades or upgrades
        if draft.certificate is not None:
            certificate = draft.certificate.text
            settings.pop(TLS_SECRET, None)
            origins.pop(TLS_SECRET, None)
        elif TLS_SECRET in draft.settings:
            certificate = None
    return Profile(
        name=chain[-1].name,
        chain=tuple(draft.name for draft in chain),
        settings=settings,
        origins=origins,
        selectable_by_tag=chain[-1].selectable,
        tag_patterns=patterns,
        key_vault_certificate=certificate,
        upgrades=upgrades,
    )
