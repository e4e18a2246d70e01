"""The identity that acts in Azure: the app's managed identity, or a developer's own where there is none."""

import os

from azure.core.credentials_async import AsyncTokenCredential


def credential(client_id: str) -> AsyncTokenCredential:
    """The credential; closing it is the caller's business."""
    if os.environ.get("IDENTITY_ENDPOINT"):
        from azure.identity.aio import ManagedIdentityCredential

        return ManagedIdentityCredential(client_id=client_id or None)
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=client_id or None)
