"""Texts of failures as people met them, and what they are taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azureml.failures import FailureClass, classify

OPERATION = "ExtensionOperationFailed"
T, W, P, O = FailureClass.TRANSIENT, FailureClass.WAIT, FailureClass.PERMANENT, FailureClass.OPERATOR  # noqa: E741  columns


@pytest.mark.parametrize(
    ("code", "message", "family", "klass"),
    [
        (
            OPERATION,
            (
                "Extensions are only supported on clusters using Managed Service Identity. See "
                "https://aka.ms/aks-extensions-service-principal-not-supported"
            ),
            "service-principal",
            P,
        ),
        (
            OPERATION,
            (
                "Request failed to https://management.azure.com/subscriptions/s/managedclusters/c/extensionaddons/azureml"
                "?api-version=2021-03-01. Error code: Forbidden. AuthorizationFailed: The client is not authorized"
            ),
            "subscription-registration",
            O,
        ),
        ("MissingSubscriptionRegistration", "The subscription is not registered", "subscription-registration", O),
        (
            OPERATION,
            "InvalidAuthenticationToken: one of the claims 'puid' should be present",
            "authentication-token",
            O,
        ),
        (
            OPERATION,
            "managedclusters/aks/extensionaddons/dapr. Error code: Conflict. EtagMismatch Failed to save",
            "concurrent-operation",
            T,
        ),
        ("UpdateFailed", "there is a conflicting operation in progress", "concurrent-operation", T),
        (OPERATION, "Another operation (install/upgrade/rollback) is in progress", "concurrent-operation", T),
        (OPERATION, "earlier operation for the helm chart is still in progress", "helm-operation-pending", W),
        (
            OPERATION,
            "unable to create new content in namespace azureml because it is being terminated",
            "namespace-terminating",
            W,
        ),
        (
            OPERATION,
            "Retry for given duration didn't get any results with err {status not populated}",
            "agent-silent",
            W,
        ),
        ("InstallationFailed", "Unabled to get a response from the Agent in time", "agent-silent", W),
        (
            OPERATION,
            'failed calling webhook "validate.nginx.ingress.kubernetes.io": no endpoints available for service',
            "ingress-webhook-race",
            T,
        ),
        (
            OPERATION,
            (
                "Helm installation failed : Recommendation Please check that there are no policies blocking the "
                "resource : InnerError [release azureml failed, and was uninstalled due to atomic being set: failed "
                "pre-install: pod healthcheck failed]"
            ),
            "healthcheck",
            P,
        ),
        (
            OPERATION,
            "Helm Upgrade Failed : pre-upgrade hooks failed: pod healthcheck failed",
            "healthcheck",
            P,
        ),
        (
            "InstallationFailed",
            "failed to install chart: uninstalled due to atomic being set: timed out waiting for the condition",
            "timed-out",
            O,
        ),
        (OPERATION, "Timed out waiting for the resource to come to a ready/completed state", "timed-out", O),
        (
            OPERATION,
            (
                'CustomResourceDefinition "jobs.batch.volcano.sh" exists and cannot be imported into the current '
                "release: invalid ownership metadata"
            ),
            "foreign-resource",
            P,
        ),
        (OPERATION, 'clusterroles "x" already exists', "already-exists", P),
        (OPERATION, "cannot re-use a name that is still in use", "name-in-use", W),
        (OPERATION, "failed in download the Chart path not found", "chart-not-found", P),
        ("", "Failed to resolve the extension version from the given values.", "chart-not-found", P),
        (OPERATION, "unable to download the Helm chart", "registry-unreachable", O),
        ("RequestDisallowedByPolicy", "Resource 'azureml' was disallowed by policy", "azure-policy", P),
        (OPERATION, 'admission webhook "x.example" denied the request: no', "admission-webhook", P),
        ("ScopeLocked", "following scope(s) are locked", "resource-lock", O),
        ("AuthorizationFailed", "The client has no authorization", "authorization", O),
        ("ExtensionAutoUpgradeCannotBeEnabled", "AutoUpgradeMinorVersion cannot be set to true", "auto-upgrade", P),
        (OPERATION, "Access denied: 'write' operation is not allowed", "system-managed", P),
        (OPERATION, "Failed to perform resource identity operation. Status: 'BadRequest'", "identity-on-aks", P),
        (OPERATION, "Relay resource id or connection string are not provided", "relay", O),
        ("ResourceNotFound", "The Resource was not found", "cluster-absent", P),
    ],
)
def test_seen_texts_are_known(code, message, family, klass):
    """Each text leads to its family, class and a remedy."""
    failure = classify(code, message)

    assert (failure.family, failure.klass) == (family, klass)
    assert failure.remedy.endswith((".", ")."))


@given(st.text(), st.text())
def test_any_text_is_answered(code, message):
    """Whatever Azure invents, there is an answer."""
    assert classify(code, message).remedy


def test_an_unseen_text_is_unknown():
    """It is not forced into a family."""
    assert classify(OPERATION, "the moon is in the wrong phase").klass is FailureClass.UNKNOWN
