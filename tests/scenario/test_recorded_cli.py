"""Recorded runs of the official CLI, sent end to end: from the event to the body that reaches Azure.

The recording itself is compared whole, refusals included, by the unit tests; here are the runs that
need no protected setting of their own, each as the profile of one cluster.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.stage import Stage, shipped_policy

CASES = {
    case["case"]: case
    for case in json.loads((Path(__file__).parents[1] / "data" / "cli-parity.json").read_text())["cases"]
}
# One case for each cluster. Without 146 and 160: their "aws" as internalLoadBalancerProvider is undocumented,
# so that a policy file may not hold it.
ACCEPTED = [3, 46, 72, 96, 134, 142, 167, 182, 264, 278]


def policy() -> str:
    """One profile and one rule for each case."""
    profiles = {f"case-{number}": {"settings": CASES[number]["settings"]} for number in ACCEPTED}
    rules = [{"name": name, "match": {"tags": {"case": name}}, "profile": name} for name in profiles]
    text = shipped_policy()
    remediation = text[text.index("remediation:") :]
    document = {"version": 1, "select": {"tag": "aml-onboard"}, "profiles": profiles, "rules": rules}
    # JSON is YAML, block by block.
    blocks = [f"{key}: {json.dumps(value)}" for key, value in document.items()]
    return "\n".join([*blocks, remediation])


SUBSCRIPTION = CASES[ACCEPTED[0]]["cluster"]["subscriptionId"]
STAGE = {"policy": policy(), "settings": {"MUSTER_SCOPE": SUBSCRIPTION}}


@pytest.fixture(scope="module")
def clusters(stage: Stage) -> dict[int, str]:
    """The clusters of all cases, created at once with one event each."""
    stage.control.subscribe(stage.events_url(), "EventGridSchema")
    wanted = []
    for number in ACCEPTED:
        cluster = CASES[number]["cluster"]
        facts: dict[str, Any] = {
            "name": cluster["name"],
            "resource_group": cluster["resourceGroup"],
            "subscription": cluster["subscriptionId"],
            "location": cluster["location"],
            "tags": {"aml-onboard": "true", "case": f"case-{number}"},
        }
        if cluster["type"] == "managedClusters":
            facts |= {"kind": "aks", "pools": cluster["properties"]["agentPoolProfiles"]}
        else:
            facts |= {
                "kind": "arc",
                "nodes": cluster["properties"]["totalNodeCount"],
                "properties": {"distribution": cluster["properties"]["distribution"]},
            }
        wanted.append(facts)
    return dict(zip(ACCEPTED, stage.control.create_clusters(wanted), strict=True))


def lowered(settings: dict[str, str]) -> dict[str, str]:
    """Booleans without regard to case, as the chart reads them."""
    return {key: value.lower() if value.lower() in {"true", "false"} else value for key, value in settings.items()}


@pytest.mark.parametrize("number", ACCEPTED)
def test_the_body_is_the_clis(stage: Stage, clusters: dict[int, str], number: int) -> None:
    """The PUT that the event leads to carries what the CLI sent for the same cluster and settings."""
    expected, cluster = CASES[number]["expect"], clusters[number]

    put = stage.until(lambda: stage.puts(cluster), f"the PUT of case {number}")[0]

    sent = put["body"]["properties"]
    assert put["status"] == 201
    assert lowered(sent["configurationSettings"]) == lowered(expected["configurationSettings"])
    assert sorted(sent["configurationProtectedSettings"]) == expected["protectedKeys"]
    assert sent["scope"] == {"cluster": {"releaseNamespace": expected["releaseNamespace"]}}
    assert sent["releaseTrain"] == expected["releaseTrain"]
    assert ("identity" in put["body"]) is (CASES[number]["cluster"]["type"] == "connectedClusters")
    if expected["relay"]:
        place = (
            f"/namespaces/{expected['relay']['namespace']}/hybridConnections/{expected['relay']['hybridConnection']}"
        )
        assert [each for each in stage.control.relays() if each["id"].endswith(place)]
