"""From files to a `Policy`, or to every finding that stands in the way.

`read_policy` reads the files, and is the only I/O of this package; `parse_policy` checks and merges
them. Several documents are one policy: `profiles`, `rules`, `exceptions` and `guardrails` are joined in
the order of the files, everything else may stand once.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from shared.errors import Finding, PolicyError
from shared.policy.clauses import read_exceptions, read_guardrails, read_rules
from shared.policy.document import MAX_BYTES, Node, read_documents
from shared.policy.model import Policy, PolicyText
from shared.policy.operation import (
    read_adoption,
    read_enforcement,
    read_extension,
    read_overrides,
    read_pause,
    read_preflight,
    read_remediation,
    read_select,
    read_tags,
    read_verification,
)
from shared.policy.phasing import read_rollout
from shared.policy.profiles import read_profiles
from shared.policy.section import Section

__all__ = ["PolicyText", "parse_policy", "policy_digest", "read_policy"]

_JOINED_MAPPINGS = ("profiles",)
_JOINED_LISTS = ("rules", "exceptions", "guardrails")
_WORKSPACE = (
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/[\w.-]+"
)


def read_policy(path: Path) -> tuple[PolicyText, ...]:
    """Read a policy's file, or those of its directory in the order of their names.

    Raises:
        PolicyError: there is no such file, or it cannot be read as UTF-8, or it is too big.
    """
    files = policy_files(path)
    if not files:
        raise _refused([Finding(str(path), "there is no *.yaml or *.yml file in this directory")])
    texts, findings = [], []
    for file in files:
        try:
            if file.stat().st_size > MAX_BYTES:
                findings.append(Finding(str(file), f"the file is bigger than {MAX_BYTES // 1024} KiB"))
                continue
            texts.append(PolicyText(file.name, file.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            findings.append(Finding(str(file), "the file is not UTF-8 text"))
        except OSError as error:
            findings.append(Finding(str(file), f"the policy cannot be read: {error.strerror}"))
    if findings:
        raise _refused(findings)
    return tuple(texts)


def policy_files(path: Path) -> list[Path]:
    """The file itself, or the *.yaml and *.yml files of a directory but their tests.

    Raises:
        OSError: the directory cannot be read.
    """
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.iterdir()
        if file.suffix in {".yaml", ".yml"} and not file.stem.endswith(".tests") and file.is_file()
    )


def policy_digest(texts: Sequence[PolicyText]) -> str:
    """The sha256 over names and texts, hexadecimal. Lengths are hashed too, so nothing can shift."""
    digest = hashlib.sha256()
    for text in texts:
        for part in (text.name.encode(), text.text.encode()):
            digest.update(len(part).to_bytes(8))
            digest.update(part)
    return digest.hexdigest()


def parse_policy(texts: Sequence[PolicyText], *, generation: int = 0) -> Policy:
    """Check and merge the files of a policy.

    Raises:
        PolicyError: with every finding; each names file, line, key and what is wrong.
    """
    findings: list[Finding] = []
    documents: list[Node] = []
    if sum(len(text.text) for text in texts) > MAX_BYTES:
        raise _refused([Finding("", f"the policy is bigger than {MAX_BYTES // 1024} KiB")])
    for text in texts:
        found, mistakes = read_documents(text)
        documents += found
        findings += mistakes
    if not documents and not findings:
        findings.append(Finding(texts[0].name if texts else "", "the policy is empty; it starts with version: 1"))
    if not documents:
        raise _refused(findings)
    root = Section(_joined(documents, findings), findings)
    policy = _policy(root, tuple(texts), generation)
    if findings:
        raise _refused(findings)
    return policy


def _refused(findings: Sequence[Finding]) -> PolicyError:
    unique = tuple(sorted(dict.fromkeys(findings), key=_place))
    more = f" (and {len(unique) - 1} more)" if len(unique) > 1 else ""
    return PolicyError(f"The policy is not valid: {unique[0]}{more}", unique)


def _place(finding: Finding) -> tuple[str, int]:
    """File and line, so that findings come in the order of the files that they stand in."""
    name, _, line = finding.where.partition(" ")[0].rpartition(":")
    return (name, int(line)) if line.isdigit() else (finding.where, 0)


def _joined(documents: Sequence[Node], findings: list[Finding]) -> Node:
    """All documents as one mapping."""
    joined: dict[str, Node] = {}
    for document in documents:
        if document.keys is None:
            findings.append(document.finding(f"a policy is a mapping of keys, not {document.kind}"))
        for key, node in (document.keys or {}).items():
            first = joined.setdefault(key, Node(node.where, node.path, node.text, node.quoted, node.keys, node.items))
            if first.where == node.where or key == "version":
                _version(key, node, findings)
            elif key in _JOINED_LISTS and first.items is not None and node.items is not None:
                first.items = first.items + node.items
            elif key in _JOINED_MAPPINGS and first.keys is not None and node.keys is not None:
                _add(first.keys, node.keys, findings)
                first.keys = first.keys | node.keys
            else:
                findings.append(node.finding(f"'{key}' may stand once; it is also at {first.where}"))
    if "version" not in joined:
        findings.append(documents[0].finding("'version' is missing; write version: 1"))
    joined.pop("version", None)
    return Node(documents[0].where, "", keys=joined)


def _version(key: str, node: Node, findings: list[Finding]) -> None:
    if key == "version" and (node.text != "1" or node.quoted):
        findings.append(node.finding(f"this Muster reads version: 1, not {node.kind}"))


def _add(there: dict[str, Node], new: dict[str, Node], findings: list[Finding]) -> None:
    findings.extend(
        node.finding(f"'{name}' stands twice; it is also at {there[name].where}")
        for name, node in new.items()
        if name in there
    )


def _policy(root: Section, texts: tuple[PolicyText, ...], generation: int) -> Policy:
    findings: list[Finding] = root.findings
    warnings: list[Finding] = []
    defaults = Policy(digest="")
    profiles = read_profiles(root.mapping("profiles"), findings, warnings)
    rules = read_rules(root.items("rules"), profiles, findings)
    timing, max_attempts, attempts = read_remediation(root, defaults)
    policy = Policy(
        digest=policy_digest(texts),
        generation=generation,
        workspace=root.text("workspace", pattern=f"(?i:{_WORKSPACE})") or None,
        extension=read_extension(root),
        tags=read_tags(root),
        select_tag=read_select(root, defaults.select_tag),
        profiles=profiles,
        rules=rules,
        no_rule_matched=root.text("noRuleMatched", "hold", pattern="hold|ignore"),
        overrides=read_overrides(root),
        exceptions=read_exceptions(root.items("exceptions"), findings, warnings),
        guardrails=read_guardrails(root.items("guardrails"), findings),
        enforcement=read_enforcement(root),
        adoption=read_adoption(root, defaults.adoption),
        timing=timing,
        max_attempts=max_attempts,
        attempts=attempts,
        preflight=read_preflight(root),
        verification=read_verification(root),
        pause_max=read_pause(root, defaults),
        rollout=read_rollout(root),
        warnings=tuple(dict.fromkeys(warnings)),
        texts=texts,
    )
    root.done()
    return policy
