"""Adapters to Azure: Resource Graph, ARM, extensions, relay. Each types Azure's failures as ours."""
