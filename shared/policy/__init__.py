"""The policy: which clusters get the extension, with which settings, and why."""
