"""The events of an Azure subscription, in both schemas that Event Grid delivers.

Shapes: Microsoft's "Azure subscription as an Event Grid source"; for the CloudEvents form of tag
writes the test data of mia-platform/ibdm. They carry what a consumer has to bear: both spellings
of `resourcegroups`, seven fractional digits, claims with personal data, and an `httpRequest` that
is there for some operations only.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

type Schema = Literal["EventGridSchema", "CloudEventSchemaV1_0"]
type Kind = Literal["Write", "Delete", "Action"]

TENANT: Final = "22222222-2222-2222-2222-222222222222"
PRINCIPAL: Final = "33333333-3333-3333-3333-333333333333"
CLIENT: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # the Azure CLI's application id
ADDRESS: Final = "203.0.113.5"

_METHODS: Final = {"Write": "PUT", "Delete": "DELETE", "Action": "POST"}
_GROUP: Final = re.compile("/resourcegroups/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a subscription; what both schemas say of it."""

    id: str
    topic: str
    subject: str
    type: str
    time: str
    data: dict[str, Any]

    def body(self, schema: Schema) -> list[dict[str, Any]] | dict[str, Any]:
        """The body of a delivery: an array of one event, or one CloudEvent."""
        if schema == "EventGridSchema":
            return [
                {
                    "subject": self.subject,
                    "eventType": self.type,
                    "eventTime": self.time,
                    "id": self.id,
                    "data": self.data,
                    "dataVersion": "2",
                    "metadataVersion": "1",
                    "topic": self.topic,
                }
            ]
        return {
            "id": self.id,
            "source": self.topic,
            "specversion": "1.0",
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "data": self.data,
        }


def event(
    operation_name: str,
    resource_id: str,
    *,
    kind: Kind,
    scope_suffix: str,
    subject_suffix: str,
    now: float,
    serial: int,
) -> Event:
    """The success event of an operation on a resource.

    Args:
        operation_name: as the provider's action list spells it, say `Microsoft.Resources/tags/write`.
        resource_id: the resource; its `resourceGroups` is respelled in every second event and in all
            of Arc's.
        kind: what the event type says happened.
        scope_suffix: follows the id in `data.authorization.scope` (tag writes).
        subject_suffix: follows the id in `subject` and `data.resourceUri`.
        now: seconds since 1970.
        serial: the number of this event, from 1.
    """
    provider = operation_name.partition("/")[0]
    lower = provider.lower() == "microsoft.kubernetes" or serial % 2 == 0
    resource = _GROUP.sub("/resourcegroups/" if lower else "/resourceGroups/", resource_id)
    subscription = resource.split("/")[2]
    data = {
        "authorization": {
            "scope": resource + (scope_suffix or subject_suffix),
            "action": operation_name,
            "evidence": {
                "role": "Contributor",
                "roleAssignmentScope": f"/subscriptions/{subscription}",
                "roleAssignmentId": uuid.uuid4().hex,
                "roleDefinitionId": "b24988ac618042a0ab8820f7382dd24c",
                "principalId": PRINCIPAL.replace("-", ""),
                "principalType": "User",
            },
        },
        "claims": {
            "aud": "https://management.core.windows.net/",
            "iss": f"https://sts.windows.net/{TENANT}/",
            "appid": CLIENT,
            "http://schemas.microsoft.com/identity/claims/objectidentifier": PRINCIPAL,
            "http://schemas.microsoft.com/identity/claims/tenantid": TENANT,
            "ipaddr": ADDRESS,
            "name": "Test User",
        },
        "correlationId": str(uuid.uuid4()),
        "resourceProvider": provider,
        "resourceUri": resource + subject_suffix,
        "operationName": operation_name,
        "status": "Succeeded",
        "subscriptionId": subscription,
        "tenantId": TENANT,
    }
    if kind != "Write" or operation_name.lower() == "microsoft.containerservice/managedclusters/write":
        data["httpRequest"] = {
            "clientRequestId": str(uuid.uuid4()),
            "clientIpAddress": ADDRESS,
            "method": _METHODS[kind],
            "url": f"https://management.azure.com{resource}?api-version=2026-05-01",
        }
    return Event(
        id=str(uuid.uuid4()),
        topic=f"/subscriptions/{subscription}",
        subject=resource + subject_suffix,
        type=f"Microsoft.Resources.Resource{kind}Success",
        time=_time(now, serial),
        data=data,
    )


def validation(now: float) -> tuple[str, list[dict[str, Any]]]:
    """The code that a webhook has to send back, and the body that asks for it."""
    code = str(uuid.uuid4())
    body = {
        "id": str(uuid.uuid4()),
        "topic": "",
        "subject": "",
        "data": {
            "validationCode": code,
            "validationUrl": f"https://rp-eastus.eventgrid.azure.net:553/eventsubscriptions/x/validate?id={code}",
        },
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": _time(now, 0),
        "metadataVersion": "1",
        "dataVersion": "1",
    }
    return code, [body]


def _time(now: float, serial: int) -> str:
    """RFC 3339 with seven fractional digits, the last one without meaning."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S.%f}{serial % 10}Z"
