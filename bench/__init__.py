"""The benchmark and the chaos run: the product against the simulated Azure and Azurite, nothing mocked.

`python -m bench` prints tables of ratios and counts that were measured within one run; wall times stand
beside them for orientation and are asserted nowhere. docs/performance.md tells how to read them.
"""
