"""What schemathesis has to know of our formats, and what it checks beside its own: loaded by schemathesis.toml.

The formats' values come from the environment: API_CLUSTERS, the ids of clusters that exist, as JSON.
"""

import base64
import itertools
import json
import os
import re
from datetime import UTC, datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st

from functions.repeating import HEADER, KEY

_EXISTING = json.loads(os.environ.get("API_CLUSTERS", "[]"))
_NOT_THERE = "/providers/Microsoft.ContainerService/managedClusters/nowhere"
_IDS = [
    *_EXISTING,
    f"/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-ml{_NOT_THERE}",
    f"/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/rg-ml{_NOT_THERE}",
]
_COUNTED = itertools.count()
_MOMENTS = st.datetimes(min_value=datetime(2030, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  the strategy adds the zone


def _key(cluster_id: str) -> str:
    return base64.urlsafe_b64encode(cluster_id.lower().encode()).decode().rstrip("=")


cluster_ids = st.sampled_from(_IDS)
scopes = st.one_of(st.sampled_from(["fleet", "ring/rest"]), cluster_ids.map(lambda each: f"cluster/{_key(each)}"))
positions = cluster_ids.map(lambda each: base64.urlsafe_b64encode(each.lower().encode()).decode())

words = st.one_of(st.just("mass-selection"), st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1))

schemathesis.openapi.format("cluster-id", cluster_ids)
schemathesis.openapi.format("cluster-key", cluster_ids.map(_key))
schemathesis.openapi.format("pause-scope", scopes)
schemathesis.openapi.format("continuation", positions)
schemathesis.openapi.format("word-id", words.filter(lambda word: word not in {".", ".."}))
# What ends in the past is refused for another reason than its form.
schemathesis.openapi.format("date-time", _MOMENTS.map(datetime.isoformat))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Close every form: readers must expect new fields, these tests must not."""
    del context
    for form in raw_schema["components"]["schemas"].values():
        if "properties" in form:
            form.setdefault("additionalProperties", False)


@schemathesis.hook
def filter_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, Any] | None) -> bool:
    """Leave out what no web server takes for a path; what ours does not, its server answers and not the app."""
    del context
    return all(len(str(value).encode()) < 2_000 for value in (path_parameters or {}).values())


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Put ends that lie in the past into the future: schemathesis takes moments from answers, too."""
    del context
    if isinstance(body, dict) and str(body.get("until", "")).startswith("20"):
        body["until"] = f"2999{body['until'][4:]}"
    return body


@schemathesis.hook
def map_headers(context: schemathesis.HookContext, headers: Any) -> Any:
    """Make most Idempotency-Keys new ones: else each body after the first would meet no more than a 422."""
    del context
    key, number = (headers or {}).get(HEADER, ""), next(_COUNTED)
    if re.fullmatch(KEY, str(key)) and number % 5:
        headers[HEADER] = f"{key[:150]}-{number}"
    return headers


@schemathesis.check
def the_key_opens_every_door(ctx: Any, response: Any, case: Any) -> None:
    """With the right key nobody is refused as a stranger."""
    del ctx, case
    assert response.status_code not in {401, 403}, "refused with the right key"
