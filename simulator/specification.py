"""Requests and responses, checked against Microsoft's published API definitions.

The swagger files in `specs/` are read as JSON Schema. What swagger says in its own way is turned
over: `x-nullable`, closed and open enums (`modelAsString`), read-only properties, `type: object`
without properties (any value), `allOf`. Objects are closed: a property that the definition does not
know is a problem, in requests because it has no effect, in responses because it was made up.
A problem's text names places, never values: they may be secret.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012, Schema

type Json = dict[str, Any]

_FILES: Final = Path(__file__).parent / "specs"
_REQUEST, _RESPONSE = "http://request.invalid/", "http://response.invalid/"  # two readings of one file

# Every version that the provider has published for these operations; the bodies of the older ones
# are checked by the newest definitions.
_VERSIONS: Final = {
    "extensions.json": {
        *("2021-09-01", "2022-03-01", "2022-07-01", "2022-11-01", "2023-05-01", "2024-11-01", "2025-03-01"),
    },
    "resourcegraph.json": {"2019-04-01", "2021-03-01", "2022-10-01", "2024-04-01"},
}
_JSON_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class _Operation:
    """One method of one path."""

    path: re.Pattern[str]
    method: str
    versions: frozenset[str]
    parameters: tuple[Json, ...]
    body: str | None  # reference to the request's schema
    responses: Mapping[str, str | None]  # status or "default" -> reference to its schema


class Specification:
    """The operations of cluster extensions and of Resource Graph."""

    def __init__(self, operations: tuple[_Operation, ...], registry: Registry[Schema]) -> None:
        self._operations = operations
        self._registry = registry

    @classmethod
    def load(cls) -> "Specification":
        """Read the files below `specs/`."""
        files = {path.relative_to(_FILES).as_posix(): json.loads(path.read_text()) for path in _FILES.rglob("*.json")}
        registry: Registry[Schema] = Registry()
        for root in (_REQUEST, _RESPONSE):
            reading = _Reading({root + name: content for name, content in files.items()}, root == _REQUEST)
            for uri, content in reading.files.items():
                schemas = {name: reading.schema(one, uri) for name, one in content.get("definitions", {}).items()}
                registry = registry.with_resource(uri, DRAFT202012.create_resource({"definitions": schemas}))
        return cls(tuple(_operations(files)), registry)

    def problems_in_request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
        """What is wrong with a request; nothing for paths that are not specified here.

        Args:
            method: the HTTP method.
            path: the URL's path, in any letter case.
            query: the query's parameters.
            body: the parsed JSON, None where there is none.
        """
        found = self._find(method, path)
        if found is None:
            return []
        operation, segments = found
        problems = list(_parameter_problems(operation, segments, query))
        if operation.body is not None:
            problems += ["the body is required"] if body is None else self._check(operation.body, body)
        return problems

    def problems_in_response(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with a response; nothing for paths and statuses without a specified body."""
        found = self._find(method, path)
        if found is None:
            return []
        responses = found[0].responses
        schema = responses.get(str(status), responses.get("default"))
        return [] if schema is None else self._check(schema, body)

    def _find(self, method: str, path: str) -> tuple[_Operation, dict[str, str]] | None:
        for operation in self._operations:
            match = operation.path.fullmatch(path.rstrip("/"))
            if match and operation.method == method.lower():
                return operation, match.groupdict()
        return None

    def _check(self, reference: str, body: Any) -> list[str]:
        validator = Draft202012Validator({"$ref": reference}, registry=self._registry)
        return sorted({_told(error) for error in validator.iter_errors(body)})


class _Reading:
    """Swagger definitions as JSON Schema, for requests or for responses."""

    def __init__(self, files: dict[str, Json], request: bool) -> None:
        self.files = files
        self._request = request

    def schema(self, swagger: Json, base: str) -> Any:
        """One schema; references become absolute."""
        reference = swagger.get("$ref")
        made = self._inline(swagger, base) if reference is None else {"$ref": urljoin(base, reference)}
        if swagger.get("x-nullable"):
            made = {"if": {"type": "null"}, "else": made}
        return made

    def _inline(self, swagger: Json, base: str) -> Json:
        swagger = self._with_parents(swagger, base)
        made = {key: swagger[key] for key in _KEPT & swagger.keys()}
        if not swagger.get("x-ms-enum", {}).get("modelAsString", False) and "enum" in swagger:
            made["enum"] = swagger["enum"]
        if "items" in swagger:
            made["items"] = self.schema(swagger["items"], base)
        if isinstance(swagger.get("additionalProperties"), dict):
            made["additionalProperties"] = self.schema(swagger["additionalProperties"], base)
        if "properties" in swagger:
            required = swagger.get("required", ())
            made["properties"] = {
                name: self._property(one, base, name in required) for name, one in swagger["properties"].items()
            }
            if "additionalProperties" not in swagger and "discriminator" not in swagger:
                made["additionalProperties"] = False
        elif "additionalProperties" not in swagger and swagger.get("type") == "object":
            del made["type"]  # any value
        return made

    def _property(self, swagger: Json, base: str, required: bool) -> Json:
        if not self._request:
            # The service writes null for what it does not have, whether nullable or not.
            schema = self.schema(swagger, base)
            return schema if required else {"if": {"type": "null"}, "else": schema}
        named = _target(self.files, urljoin(base, swagger["$ref"])) if "$ref" in swagger else swagger
        if swagger.get("readOnly") or named.get("readOnly"):
            return {"type": "null", "readOnly": True}
        made: Json = self.schema(swagger, base)
        return made

    def _with_parents(self, swagger: Json, base: str) -> Json:
        """The schema with the properties of its `allOf` in it; references made absolute."""
        merged: Json = {"properties": {}}
        for parent in swagger.get("allOf", ()):
            reference = urljoin(base, parent["$ref"])
            target = self._with_parents(_target(self.files, reference), reference)
            merged["properties"] |= target["properties"]
        own = swagger.get("properties", {})
        merged["properties"] |= {name: _absolute(one, base) for name, one in own.items()}
        if not merged["properties"]:
            del merged["properties"]
        return {**{key: value for key, value in swagger.items() if key not in ("properties", "allOf")}, **merged}


_KEPT: Final = {"type", "required", "minimum", "maximum", "minLength", "maxLength", "pattern", "additionalProperties"}


def _absolute(swagger: Any, base: str) -> Any:
    if isinstance(swagger, list):
        return [_absolute(one, base) for one in swagger]
    if not isinstance(swagger, dict):
        return swagger
    return {
        key: urljoin(base, value) if key == "$ref" and isinstance(value, str) else _absolute(value, base)
        for key, value in swagger.items()
    }


def _operations(files: dict[str, Json]) -> Iterator[_Operation]:
    for name, content in files.items():
        for template, methods in content.get("paths", {}).items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            for method, operation in methods.items():
                parameters = [_resolved(files, name, one) for one in operation.get("parameters", ())]
                bodies = [one["schema"]["$ref"] for one in parameters if one["in"] == "body"]
                yield _Operation(
                    path=re.compile(pattern, re.IGNORECASE),
                    method=method,
                    versions=frozenset(_VERSIONS[Path(name).name]),
                    parameters=tuple(one for one in parameters if one["in"] != "body"),
                    body=urljoin(_REQUEST + name, bodies[0]) if bodies else None,
                    responses={
                        status: urljoin(_RESPONSE + name, one["schema"]["$ref"]) if "schema" in one else None
                        for status, one in operation["responses"].items()
                    },
                )


def _resolved(files: dict[str, Json], name: str, parameter: Json) -> Json:
    if "$ref" not in parameter:
        return parameter
    reference = urljoin(_REQUEST + name, parameter["$ref"]).removeprefix(_REQUEST)
    return _target(files, reference)


def _target(files: dict[str, Json], reference: str) -> Json:
    """What an absolute reference, `file#/a/b`, points at."""
    file, _, pointer = reference.partition("#")
    found: Json = files[file]
    for step in pointer.strip("/").split("/"):
        found = found[step]
    return found


def _parameter_problems(operation: _Operation, segments: dict[str, str], query: Mapping[str, str]) -> Iterator[str]:
    for parameter in operation.parameters:
        name = parameter["name"]
        value = segments.get(name) if parameter["in"] == "path" else query.get(name)
        if value is None:
            if parameter.get("required"):
                yield f"the query parameter {name} is required"
        elif name == "api-version" and value not in operation.versions:
            yield f"api-version {value} is not a version of this operation"
        elif parameter["type"] == "boolean" and value.lower() not in ("true", "false"):
            yield f"{name} must be true or false"
        elif not re.search(parameter.get("pattern", ""), value) or len(value) > parameter.get("maxLength", len(value)):
            yield f"{name} does not look like one"


def _told(error: ValidationError) -> str:
    place = error.json_path
    if error.validator == "type" and isinstance(error.schema, dict) and error.schema.get("readOnly"):
        return f"{place}: is read-only"
    if error.validator == "type":
        return f"{place}: must be {error.validator_value}, is {_JSON_TYPES.get(type(error.instance), 'null')}"
    if error.validator in ("additionalProperties", "required"):
        return f"{place}: {error.message}"  # these two name keys only
    return f"{place}: must fit {error.validator} {json.dumps(error.validator_value)}"
