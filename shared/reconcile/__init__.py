"""The loop: observe, decide, act, record, for one cluster at a time."""
