"""What can be said about Bicep files without the compiler: shapes against published types, names, modules, outputs.

The parser (pycep) gives a string and a bare name as the same text. So names are read from the source beside it, and
a text that is a declared name is taken for what it names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pycep

_OWN = frozenset({"name", "parent", "scope", "dependsOn", "type", "apiVersion"})
_NAMESPACES = frozenset({"az", "sys"})
_WORDS = frozenset(
    [
        "targetScope",
        "param",
        "var",
        "resource",
        "module",
        "output",
        "existing",
        "if",
        "for",
        "in",
        "true",
        "false",
        "null",
        "string",
        "int",
        "bool",
        "array",
        "object",
    ]
)
_PLAIN = {"string": str, "boolean": bool, "integer": int}
# Resource types whose published tree is not kept beside the tests, each with the reason.
BEYOND = {
    "Microsoft.Resources/resourceGroups": "name, location and tags; nothing to get wrong",
    "Microsoft.Network/privateEndpoints": "an option for people with a network; `bicep build` checks it",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": "the same",
    "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies": "two properties of a container",
}


@dataclass(frozen=True)
class Template:
    """One Bicep file."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "Template":
        return cls(path, path.read_text())

    @property
    def parsed(self) -> dict[str, Any]:
        return _parsed(self.text)

    @property
    def scope(self) -> str:
        return self.parsed.get("globals", {}).get("scope", {}).get("value", "resourceGroup")

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.parsed.get("parameters", {})

    @property
    def outputs(self) -> frozenset[str]:
        return frozenset(self.parsed.get("outputs", {}))

    @property
    def resources(self) -> Mapping[str, Any]:
        return self.parsed.get("resources", {})

    @property
    def modules(self) -> Mapping[str, Any]:
        return self.parsed.get("modules", {})

    @property
    def variables(self) -> Mapping[str, Any]:
        return {name: each["value"] for name, each in self.parsed.get("variables", {}).items()}

    @cached_property
    def loop_names(self) -> frozenset[str]:
        single = re.findall(r"\bfor (\w+) in\b", self.text)
        double = re.findall(r"\bfor \((\w+), (\w+)\) in\b", self.text)
        return frozenset(single) | {name for pair in double for name in pair}

    @property
    def names(self) -> frozenset[str]:
        declared = (self.parameters, self.variables, self.resources, self.modules)
        return frozenset().union(*declared) | self.loop_names

    def module(self, name: str) -> "Template":
        return Template.read(self.path.parent / self.modules[name]["detail"]["path"])


@cache
def _parsed(text: str) -> dict[str, Any]:
    """The tree of a text. A parser takes half a second to make, and works for one text only."""
    return pycep.BicepParser().parse(text=text)


def problems(template: Template, types: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong in one file, each with where."""
    found = [
        *_of_names(template),
        *(text for name in template.resources for text in _of_resource(template, name, types)),
        *(text for name in template.modules for text in _of_module(template, name)),
        *_of_outputs(template),
        *_unused(template),
    ]
    return [f"{template.path.name}: {text}" for text in found]


def _of_resource(template: Template, name: str, types: Mapping[str, Any]) -> Iterator[str]:
    resource = template.resources[name]
    if resource["existing"]:
        return
    kind, version = resource["type"], resource["api_version"]
    if kind in BEYOND:
        return
    if f"{kind}@{version}" not in types:
        yield f"{name}: there is no {kind}@{version}"
        return
    yield from _of_value(template, name, _body(resource["config"]), types[f"{kind}@{version}"], top=True)


def _body(config: Any) -> Any:
    """The body within loops and conditions."""
    while isinstance(config, dict) and set(config) & {"loop_type", "condition"} and "config" in config:
        config = config["config"]
    return config


def _of_value(
    template: Template, where: str, value: Any, shape: Mapping[str, Any], *, top: bool = False
) -> Iterator[str]:
    for each in _possible(template, value):
        yield from _of_one(template, where, each, shape, top=top)


def _of_one(template: Template, where: str, value: Any, shape: Mapping[str, Any], *, top: bool) -> Iterator[str]:
    if "object" in shape:
        if not isinstance(value, dict):
            yield f"{where}: an object is wanted, not {value!r}"
            return
        yield from _of_object(template, where, value, shape, top=top)
    elif "array" in shape:
        if not isinstance(value, list):
            if not (isinstance(value, dict) and "loop_type" in value):
                yield f"{where}: a list is wanted, not {value!r}"
            return
        for index, item in enumerate(value):
            yield from _of_value(template, f"{where}[{index}]", item, shape["array"])
    else:
        yield from _of_plain(where, value, shape)


def _of_object(
    template: Template, where: str, value: Mapping[str, Any], shape: Mapping[str, Any], *, top: bool
) -> Iterator[str]:
    given = {key.strip("'"): item for key, item in value.items()}
    properties = dict(shape["object"])
    if "discriminator" in shape:
        chosen = given.get(shape["discriminator"])
        case = shape["cases"].get(chosen)
        if case is None:
            yield f"{where}.{shape['discriminator']}: {chosen!r} is none of {', '.join(shape['cases'])}"
            return
        properties |= case["object"]
        shape = shape | case
    for key, item in given.items():
        if key not in properties:
            if not shape.get("additional") and not (top and key in _OWN):
                yield f"{where}.{key}: there is no such property"
        elif properties[key].get("readOnly") and not (top and key in _OWN):
            yield f"{where}.{key}: it can only be read"
        else:
            yield from _of_value(template, f"{where}.{key}", item, properties[key])
    for key, wanted in properties.items():
        if wanted.get("required") and key not in given and not (top and key in _OWN - {"name"}):
            yield f"{where}.{key}: it is required"


def _of_plain(where: str, value: Any, shape: Mapping[str, Any]) -> Iterator[str]:
    for kind, wanted in _PLAIN.items():
        if shape.get(kind) and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
            yield f"{where}: {value!r} is no {kind}"
            return
    if "enum" in shape and not shape.get("open") and value not in shape["enum"] and "${" not in str(value):
        yield f"{where}: {value!r} is none of {', '.join(map(str, shape['enum']))}"


def _possible(template: Template, value: Any) -> Iterator[Any]:
    """What a value can be, as far as the file itself says; nothing for what only a deployment knows."""
    if value is None:
        return
    if _is_expression(value):
        yield from _branches(template, value)
        return
    if isinstance(value, str) and value in template.names:
        if value in template.variables:
            yield from _possible(template, template.variables[value])
        elif value in template.parameters:
            decorators = template.parameters[value]["decorators"]
            yield from (option for each in decorators if each["type"] == "allowed" for option in each["argument"])
        return
    yield value


def _branches(template: Template, value: Mapping[str, Any]) -> Iterator[Any]:
    """Both ends of a condition. The parser hangs one below the comparison that it depends on."""
    operands = value["operator"]["operands"] if "operator" in value else {}
    for name, operand in operands.items():
        if name in {"true_value", "false_value"}:
            yield from _possible(template, operand)
        elif _is_expression(operand):
            yield from _branches(template, operand)


def _is_expression(value: Any) -> bool:
    """Whether the parser made it of an operator or a function, and no author of properties so named."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    [(kind, inner)] = value.items()
    return kind in {"operator", "function"} and isinstance(inner, dict) and "type" in inner


def _of_module(template: Template, name: str) -> Iterator[str]:
    path = template.path.parent / template.modules[name]["detail"]["path"]
    if not path.is_file():
        yield f"module {name}: there is no file {path.name}"
        return
    module, body = Template.read(path), _body(template.modules[name]["config"])
    given = body.get("params", {})
    yield from (
        f"module {name}: {path.name} has no parameter {each}" for each in given if each not in module.parameters
    )
    for each, declared in module.parameters.items():
        if declared["default"] is None and each not in given:
            yield f"module {name}: the parameter {each} is not given"
    for each, value in given.items():
        allowed = [
            d["argument"] for d in module.parameters.get(each, {}).get("decorators", []) if d["type"] == "allowed"
        ]
        for possible in _possible(template, value) if allowed else ():
            if possible not in allowed[0]:
                yield f"module {name}: {each} may not be {possible!r}"
    if "scope" not in body and module.scope != template.scope:
        yield f"module {name}: {path.name} is for scope {module.scope}, and none is given"


def _of_outputs(template: Template) -> Iterator[str]:
    for name, output in re.findall(r"\b(\w+)(?:\[\w+\])?\.outputs\.(\w+)", template.text):
        if name not in template.modules:
            yield f"{name}.outputs.{output}: there is no module {name}"
        elif output not in template.module(name).outputs:
            yield f"{name}.outputs.{output}: the module has no such output"


def _of_names(template: Template) -> Iterator[str]:
    known = template.names | _WORDS | _NAMESPACES
    yield from (f"{name}: nothing has this name" for name in sorted(set(_used(template.text)) - known))


def _unused(template: Template) -> Iterator[str]:
    used = list(_used(template.text))
    for name in (*template.parameters, *template.variables):
        # Once where it is declared.
        if used.count(name) < 2:
            yield f"{name}: it is declared and not used"


def _used(text: str) -> Iterator[str]:
    """Every bare name in a source: no property, key, function, decorator, string or comment."""
    for source in _code(text):
        code = re.sub(r"(?m)(^\s*|[{,]\s*)\w+:", r"\1", re.sub(r"(?m)^output \w+", "", source))
        yield from re.findall(r"(?<![\w.@])([A-Za-z_]\w*)\b(?!\()", code)


def _code(text: str) -> Iterator[str]:
    """A source without comments and strings, and then the code within its strings."""
    text = re.sub(r"(?m)^\s*//.*$", "", text)
    outside, inside, position = [], [], 0
    while position < len(text):
        if text[position] != "'":
            outside.append(text[position])
            position += 1
            continue
        position += 1
        while text[position] != "'":
            if text[position] == "\\":
                position += 2
            elif text.startswith("${", position):
                end = _closing(text, position + 2)
                inside.append(text[position + 2 : end])
                position = end + 1
            else:
                position += 1
        position += 1
        outside.append('""')
    yield "".join(outside)
    for each in inside:
        yield from _code(each)


def _closing(text: str, position: int) -> int:
    """Where the brace ends that was opened before `position`."""
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return position - 1
