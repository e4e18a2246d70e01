"""`python -m scripts.policy_reference`: writes docs/policy.schema.json and, from it, docs/policy-reference.md."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.policy.schema import policy_schema

DOCS = Path(__file__).resolve().parents[1] / "docs"
SCHEMA, REFERENCE = DOCS / "policy.schema.json", DOCS / "policy-reference.md"
_HEAD = """# Policy reference

Every key of the policy file. Made from [policy.schema.json](policy.schema.json) by
`python -m scripts.policy_reference`; what the keys are for, with examples, stands in [policy.md](policy.md).
"""

_KINDS = {"array": "list", "object": "mapping", "string": "text", "boolean": "true or false"}

type Json = Mapping[str, Any]


def schema_text() -> str:
    """The schema as a file."""
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"


def reference_text() -> str:
    """The reference as a page."""
    schema = policy_schema()
    sections = [*_sections("The file", schema), *_sections("match", schema["$defs"]["match"])]
    sections += _sections("windows[]", schema["$defs"]["window"])
    return "\n".join([_HEAD, *sections])


def _sections(title: str, schema: Json) -> Iterator[str]:
    """A table of the keys of a mapping, and then of each mapping below it."""
    properties: Json = schema.get("properties", {})
    yield f"## {title if title == 'The file' else f'`{title}`'}\n"
    if schema.get("description") and title != "The file":
        yield f"{schema['description']}\n"
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for key, each in properties.items():
        need = " (required)" if key in schema.get("required", ()) else ""
        default = f"`{json.dumps(each['default'])}`" if "default" in each else ""
        yield f"| `{key}`{need} | {_cell(_kind(each))} | {default} | {_cell(_about(each))} |"
    yield ""
    for key, each in properties.items():
        below = f"{key}" if title == "The file" else f"{title}.{key}"
        if each.get("properties"):
            yield from _sections(below, each)
        elif each.get("items", {}).get("properties"):
            yield from _sections(f"{below}[]", each["items"])
        elif isinstance(each.get("additionalProperties"), dict) and each["additionalProperties"].get("properties"):
            yield from _sections(f"{below}.<name>", each["additionalProperties"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def _about(schema: Json) -> str:
    example = f" Example: `{schema['examples'][0]}`." if "examples" in schema else ""
    return f"{schema.get('description', '')}{example}"


def _kind(schema: Json) -> str:
    """The kind of value, in words."""
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        return "as `match` below" if "match" in schema["$ref"] else "as `windows[]` below"
    if "anyOf" in schema:
        return f"{_kind(schema['anyOf'][0])}, or a list"
    kind = schema.get("type")
    if isinstance(kind, list):
        return "text"
    if kind in {"integer", "number"}:
        return _bounds(schema)
    if kind == "string" and schema.get("pattern", "").endswith("[smhd]$"):
        return "duration"
    return _KINDS[str(kind)]


def _bounds(schema: Json) -> str:
    least = schema.get("minimum", f"above {schema.get('exclusiveMinimum')}")
    most = f" to {schema['maximum']}" if "maximum" in schema else " or more"
    return f"{'whole number' if schema['type'] == 'integer' else 'number'}, {least}{most}"


def main() -> int:
    """Write both."""
    SCHEMA.write_text(schema_text())
    REFERENCE.write_text(reference_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
