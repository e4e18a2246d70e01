"""Many clusters: the sweep over all of them, and the figures it leaves."""
