"""OpenAPI 3.1 of the API, from the models that read requests and the forms of functions/responses.py.

Imported only by whoever is asked for the document: building it takes pydantic and some tens of milliseconds.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from functions.callers import Role
from functions.descriptions import OPERATIONS, PARAMETERS, Answer, Operation
from functions.repeating import HEADER, KEY
from functions.requests import LARGEST_BODY
from functions.responses import Problem

type Json = dict[str, Any]

_JSON, _PROBLEM = "application/json", "application/problem+json"
_PREFIX = "/api"
_SCHEMAS = "#/components/schemas/{model}"

_ABOUT = """\
Muster installs and keeps the extension Microsoft.AzureML.Kubernetes on tagged AKS and Azure Arc clusters.

Every call but GET /health wants a function key, or behind App Service authentication a token of Entra with the app role
that the operation names; Fleet.Operator may do what Fleet.Reader may. Bodies are JSON, whatever Content-Type says, and
of at most {largest} bytes; fields that are not described are refused, and so are parameters of a list. A query
parameter without a value stands for none. Errors are problem+json (RFC 9457) and name each wrong field. New fields may
be added to answers at any time.
"""

_REFUSALS = {
    400: "The request is malformed; `errors` names each wrong field.",
    401: "Nobody vouches for the caller. Where function keys open the door, the host answers, without a body.",
    403: "The caller may not do this; the detail names the role that it takes.",
    404: "There is no such thing.",
    409: "The request contradicts what stands, or the first one with this Idempotency-Key is still being worked on.",
    413: "The host does not take a body as large as this one; it answers without a body of ours.",
    422: "Well-formed, but it cannot be done; or the Idempotency-Key came with another request before.",
    503: "Storage, Azure or the policy cannot be reached; Retry-After says when to try again.",
}
# What any route may answer, and what any POST may answer besides.
_ALWAYS, _POST = (400, 401, 403, 503), (409, 413, 422)


class _Untitled(GenerateJsonSchema):
    """Schemas without titles, which only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


@cache
def document() -> Json:
    """The document; built once per process."""
    schemas, shapes = _forms()
    paths: dict[str, Json] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Muster",
            "version": "1",
            "description": _ABOUT.format(largest=LARGEST_BODY),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": _PREFIX}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {str(status): _refusal(status, what) for status, what in _REFUSALS.items()},
            "securitySchemes": _doors(),
        },
    }


def _forms() -> tuple[Json, dict[str, Json]]:
    """The component schemas, and for each form of an operation the schema that leads there."""
    wanted: dict[str, Any] = {repr(Problem): Problem}
    for each in OPERATIONS:
        forms = [answer.form for answer in each.answers.values()] + ([each.body] if each.body is not None else [])
        wanted |= {repr(form): form for form in forms}
    adapters: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (name, "validation", TypeAdapter(form)) for name, form in wanted.items()
    ]
    found, definitions = TypeAdapter.json_schemas(adapters, schema_generator=_Untitled, ref_template=_SCHEMAS)
    return definitions.get("$defs", {}), {name: found[name, "validation"] for name in wanted}


def _operation(each: Operation, shapes: dict[str, Json]) -> Json:
    described: Json = {
        "operationId": each.function,
        "summary": each.summary,
        "parameters": [*_path_parameters(each), *_query_parameters(each), *_headers(each)],
        "responses": {str(status): _answer(each, answer, shapes) for status, answer in each.answers.items()},
        "security": [] if each.open else _security(each),
    }
    if each.body is not None:
        content = {_JSON: {"schema": shapes[repr(each.body)]}}
        described["requestBody"] = {"required": each.needs_body, "content": content}
    if each.revalidated:
        described["responses"]["304"] = {"description": "If-None-Match names its ETag.", "headers": _tag()}
    if not each.open:
        refused = {*_ALWAYS, *each.refusals, *(_POST if each.method == "POST" else ())}
        for status in sorted(refused):
            described["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}
    return described


def _path_parameters(each: Operation) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", each.path):
        yield {"name": name, "in": "path", "required": True, "schema": _schema(PARAMETERS[name])}


def _query_parameters(each: Operation) -> Iterator[Json]:
    if each.query is not None:
        for name, schema in each.query.model_json_schema(schema_generator=_Untitled)["properties"].items():
            said = schema.pop("description", "")
            yield {"name": name, "in": "query", "description": said, "schema": schema}


def _headers(each: Operation) -> Iterator[Json]:
    if each.revalidated:
        what = "ETags of answers that the caller has; where one still holds, the answer is 304 without a body."
        yield {"name": "If-None-Match", "in": "header", "description": what, "schema": {"type": "string"}}
    if each.method == "POST":
        what = (
            "Names this request. Sent again under the same key by the same caller within 24 hours, it is not done "
            "again but answered as the first time, with Idempotency-Replayed: true. Refusals are not kept."
        )
        schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": KEY}
        yield {"name": HEADER, "in": "header", "description": what, "schema": schema}


def _schema(form: Any) -> Json:
    return TypeAdapter(form).json_schema(schema_generator=_Untitled)


def _answer(each: Operation, given: Answer, shapes: dict[str, Json]) -> Json:
    headers: Json = {}
    if given.located:
        headers["Location"] = {"description": "Where it is.", "schema": {"type": "string", "format": "uri-reference"}}
    if each.revalidated:
        headers |= _tag()
    if each.method == "POST":
        what = "The answer was given before; nothing was done again."
        headers["Idempotency-Replayed"] = {"description": what, "schema": {"type": "string", "enum": ["true"]}}
    content: Json = {_JSON: {"schema": shapes[repr(given.form)]}}
    for kind in given.texts:
        content[kind] = {"schema": {"type": "string"}}
    return {"description": given.what, "content": content} | ({"headers": headers} if headers else {})


def _tag() -> Json:
    return {
        "ETag": {"description": "Changes with the content.", "required": True, "schema": {"type": "string"}},
        "Cache-Control": {"schema": {"type": "string"}},
    }


def _refusal(status: int, what: str) -> Json:
    described: Json = {"description": what}
    if status != 413:
        described["content"] = {_PROBLEM: {"schema": {"$ref": _SCHEMAS.format(model=Problem.__name__)}}}
    if status in {409, 503}:
        schema = {"type": "integer", "minimum": 1}
        described["headers"] = {
            "Retry-After": {"description": "In seconds.", "required": status == 503, "schema": schema}
        }
    return described


def _doors() -> Json:
    entra = "A token of Entra, where App Service authentication stands before the app; the app role decides."
    return {
        "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
        "functionCode": {"type": "apiKey", "in": "query", "name": "code", "description": "The function key."},
        "entra": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": entra},
    }


def _security(each: Operation) -> list[Json]:
    role = Role.READER if each.method == "GET" else Role.OPERATOR
    return [{"functionKey": []}, {"functionCode": []}, {"entra": [role.value]}]
