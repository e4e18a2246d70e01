"""The main job, end to end, on this machine: simulator, Azurite and devhost, a dozen clusters, one story."""
