"""Adapters to the storage account: memory, intents, leases, history, messages, policy documents, snapshots."""
