"""`muster render`: what would be sent to ARM for one cluster, offline, as the official CLI would send it.

It refuses exactly what the official CLI refuses. What the documentation does not know, a misspelt
key or a value outside the documented ones, is a warning here and an error in the policy file.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.output import Output, OutputOption, told

if TYPE_CHECKING:
    from shared.model.cluster import Cluster
    from shared.model.extension import DesiredExtension

ACCEPTED, REFUSED = 0, 2
HIDDEN = "***"


def render(
    cluster: Annotated[Path, typer.Option(help="JSON: its id in parts, location and properties.")],
    settings: Annotated[Path, typer.Option(help="JSON: the extension's configuration settings.")],
    protected: Annotated[Path | None, typer.Option(help="JSON: its protected settings; values are not shown.")] = None,
    *,
    output: OutputOption = Output.JSON,
) -> int:
    """Print the extension that would be sent for this cluster and these settings."""
    del output  # text would be the same
    facts = _cluster(_read(cluster))
    written = _read(settings)
    secrets = _read(protected) if protected is not None else {}
    code, answer = answer_for(facts, written, secrets)
    told(answer)
    return code


def answer_for(
    cluster: "Cluster", settings: Mapping[str, object], protected: Mapping[str, object]
) -> tuple[int, dict[str, Any]]:
    """The exit code and the printed document for settings as they were written."""
    from shared.azureml.catalogue import canonicalise, scenario_warnings, value_findings
    from shared.azureml.derivation import derive
    from shared.errors import SettingsError
    from shared.model.extension import Origin, Provenance

    nested = [name for name, value in (*settings.items(), *protected.items()) if not _scalar(value)]
    if nested:
        message = "The value must be a text, a number or a boolean."
        return REFUSED, _refused([(name, message) for name in nested])
    plain, hidden = canonicalise(settings), canonicalise(protected)
    try:
        desired = derive(
            cluster,
            plain.settings,
            origins={name: Provenance(Origin.REQUEST, "settings") for name in plain.settings},
            protected=hidden.settings,
            verbatim=True,
        )
    except SettingsError as error:
        found = [(finding.where, finding.message) for finding in error.findings] or [("", error.message)]
        return REFUSED, _refused(found)
    warnings = (
        *plain.warnings,
        *hidden.warnings,
        *(finding.message for finding in (*plain.findings, *hidden.findings)),
        *(finding.message for finding in value_findings(plain.settings)),
        *scenario_warnings(plain.settings),
        *desired.warnings,
    )
    return ACCEPTED, _accepted(desired, warnings)


def _accepted(desired: "DesiredExtension", warnings: tuple[str, ...]) -> dict[str, Any]:
    from shared.azureml.body import put_body

    relay = desired.relay
    return {
        "accepted": True,
        "extension": put_body(desired, dict.fromkeys(desired.protected, HIDDEN)),
        "relay": {"namespace": relay.namespace, "hybridConnection": relay.hybrid_connection} if relay else None,
        "origins": {name: str(origin) for name, origin in desired.origins.items()},
        "warnings": list(warnings),
    }


def _refused(errors: list[tuple[str, str]]) -> dict[str, Any]:
    return {"accepted": False, "errors": [{"setting": where, "message": message} for where, message in errors]}


def _scalar(value: object) -> bool:
    return isinstance(value, str | bool | int | float)


def _read(path: Path) -> Mapping[str, Any]:
    from shared.errors import RequestError

    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror or 'cannot be read'}.") from error
    except ValueError as error:  # UnicodeDecodeError is one
        raise RequestError(f"{path}: this is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise RequestError(f"{path}: a JSON object is wanted.")
    return content


def _cluster(described: Mapping[str, Any]) -> "Cluster":
    """Facts from the short description of a cluster; `properties` stand as ARM returns them."""
    from shared.errors import InvalidClusterId, RequestError
    from shared.model.arm import read_cluster
    from shared.model.cluster import Source
    from shared.model.identity import ClusterId, Kind

    words = {name: described.get(name) for name in ("subscriptionId", "type", "name", "resourceGroup", "location")}
    missing = [name for name, value in words.items() if not isinstance(value, str) or not value]
    if missing:
        raise RequestError(f"The cluster's description lacks {', '.join(missing)}.")
    kind = next((kind for kind in Kind if kind.resource.lower() == str(words["type"]).lower()), None)
    if kind is None:
        raise RequestError(f"A cluster's type is managedClusters or connectedClusters, not {words['type']!r}.")
    group = f"/subscriptions/{words['subscriptionId']}/resourceGroups/{words['resourceGroup']}"
    arm_id = f"{group}/providers/{kind.provider}/{kind.resource}/{words['name']}"
    try:
        ClusterId.parse(arm_id)
    except InvalidClusterId as error:
        raise RequestError(f"subscriptionId, resourceGroup and name make no cluster's id: {arm_id}.") from error
    return read_cluster({**described, "id": arm_id, "type": kind.type}, Source.ARM)
