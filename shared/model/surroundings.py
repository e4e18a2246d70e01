"""Facts around a cluster that neither its own body nor its extension tells. None means: not looked up, or not told."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MachineSize:
    """One VM size of a region (Microsoft.Compute/skus)."""

    vcpus: float
    memory_gib: float
    arm64: bool = False
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the subscription and the region of a cluster say.

    Attributes:
        providers: resource provider namespace, lower case -> registrationState.
        sizes: VM size, lower case -> what it holds.
        sizes_dated: where `sizes` come from the table that Muster ships: its date. None for the service's answer.
        control_plane_ranges: address prefixes of Azure Machine Learning's control plane, by region: the
            cluster's own and the one it is paired with.
        kubernetes_versions: versions (1.33) that AKS supports in the region.
        trouble: what could not be looked up, and why.
    """

    providers: Mapping[str, str] | None = None
    sizes: Mapping[str, MachineSize] | None = None
    sizes_dated: str | None = None
    control_plane_ranges: Mapping[str, tuple[str, ...]] | None = None
    kubernetes_versions: tuple[str, ...] | None = None
    trouble: Mapping[str, str] = field(default_factory=dict)
