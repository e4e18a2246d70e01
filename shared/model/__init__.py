"""Frozen facts and decisions: what the rest of the house talks in. Imports nothing of ours but the errors."""
