"""What Azure Resource Manager says when it says no, in its own codes and words.

Sources: Microsoft Learn, "Troubleshoot common Azure deployment errors" and "Understand how Azure
Resource Manager throttles requests"; texts of KubernetesConfiguration from public threads of
Azure/azure-cli-extensions (3283), Azure/azure-powershell (22455) and recorded az CLI traffic.
"""

from collections.abc import Mapping
from typing import Any

from simulator.arm import Json, Reply


class ArmError(Exception):
    """An answer that is not a success. `wrapped` puts code and message under `error`, as ARM does."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        details: list[Json] | None = None,
        wrapped: bool = True,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        error: Json = {"code": code, "message": message}
        if details:
            error["details"] = details
        self.reply = Reply(status, {"error": error} if wrapped else error, headers or {})


def bad_request(message: str, code: str = "BadRequest") -> ArmError:
    """400."""
    return ArmError(400, code, message)


def missing_api_version() -> ArmError:
    """400: every ARM request carries an api-version."""
    return bad_request(
        "The api-version query parameter (?api-version=) is required for all requests.",
        "MissingApiVersionParameter",
    )


def invalid_content(problems: list[str]) -> ArmError:
    """400: the body does not have the shape of the service's specification."""
    return bad_request(
        "The request content was invalid and could not be deserialized: " + "; ".join(problems),
        "InvalidRequestContent",
    )


def unauthenticated(code: str, message: str) -> ArmError:
    """401: no token, or not one of ours."""
    challenge = 'Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token"'
    return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def authorization_failed(app_id: str, object_id: str, action: str, scope: str) -> ArmError:
    """403: no role of the caller holds the action."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{app_id}' with object id '{object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def subscription_not_found(subscription: str) -> ArmError:
    """404: no such subscription in this tenant."""
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def group_not_found(group: str) -> ArmError:
    """404: no such resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_not_found(resource: str, group: str) -> ArmError:
    """404: no such resource; `resource` is type and name, as in 'Microsoft.Relay/namespaces/x'."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{resource}' under resource group '{group}' was not found. For more details please "
        "go to https://aka.ms/ARMResourceNotFoundFix",
    )


def extension_not_found(name: str) -> ArmError:
    """404: the cluster is there, the extension is not."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.KubernetesConfiguration/extensions/{name}' was not found.",
    )


def parent_not_found(verb: str, child_type: str, parent: str) -> ArmError:
    """404: a nested resource whose parent is missing."""
    return ArmError(
        404,
        "ParentResourceNotFound",
        f"Failed to perform '{verb}' on resource(s) of type '{child_type}', because the parent resource "
        f"'{parent}' could not be found.",
    )


def missing_registration(namespace: str) -> ArmError:
    """409: the subscription has not registered the resource provider."""
    message = f"The subscription is not registered to use namespace '{namespace}'."
    return ArmError(
        409,
        "MissingSubscriptionRegistration",
        message + " See https://aka.ms/rps-not-found for how to register subscriptions.",
        details=[{"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}],
    )


def operation_in_progress() -> ArmError:
    """409: another extension operation runs on the cluster (Azure/azure-cli-extensions 3283)."""
    return ArmError(
        409,
        "UpdateFailed",
        "Update failed for this resource, as there is a conflicting operation in progress. Please try after sometime.",
    )


def cluster_busy(state: str) -> ArmError:
    """409: the AKS cluster itself is being changed (Azure/AKS-Construction 385)."""
    return ArmError(
        409,
        "OperationNotAllowed",
        f"Another operation is in progress: the managed cluster is in provisioning state '{state}'. "
        "Please wait for it to finish before trying again.",
    )


def throttled(kind: str, seconds: int) -> ArmError:
    """429: the subscription's bucket of reads, writes or deletes is empty."""
    singular = kind.removesuffix("s")
    return ArmError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of {singular} requests for subscription exceeded the limit. "
        f"Please try again after '{seconds}' seconds.",
        headers={"Retry-After": str(seconds), f"x-ms-ratelimit-remaining-subscription-{kind}": "0"},
    )


def aks_throttled(seconds: int) -> ArmError:
    """429 of the AKS resource provider, which does not wrap its errors."""
    return ArmError(
        429,
        "Throttled",
        "The request is throttled.",
        headers={"Retry-After": str(seconds)},
        wrapped=False,
    )


def canned(status: int, retry_after: Any = None) -> ArmError:
    """What Azure usually says with a status: the body of faults that give none."""
    said = {
        403: ("AuthorizationFailed", "The client does not have authorization to perform this action."),
        404: ("ResourceNotFound", "The Resource was not found."),
        409: ("Conflict", "Another operation is in progress."),
        429: ("SubscriptionRequestsThrottled", "Number of requests for subscription exceeded the limit."),
        500: ("InternalServerError", "Encountered internal server error."),
        502: ("BadGateway", "The gateway did not receive a response from the resource provider."),
        503: ("ServerBusy", "The service is temporarily unavailable."),
        504: ("GatewayTimeout", "The gateway did not receive a response from the resource provider in time."),
    }
    code, message = said.get(status, ("Error", "The request failed."))
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return ArmError(status, code, message, headers=headers)
