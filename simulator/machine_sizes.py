"""The VM sizes that the simulated Microsoft.Compute offers: the common families of AKS node pools.

Source: Microsoft Learn, "Sizes for virtual machines in Azure". A size's name, family and capabilities are
written as `az vm list-skus` shows them; every value is a text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

_SMALL = (2, 4, 8, 16)
_USUAL = (*_SMALL, 32, 48, 64)
_LARGE = (*_USUAL, 96)


@dataclass(frozen=True, slots=True)
class VmSize:
    """One size. `available` is less than `vcpus` in sizes with constrained cores."""

    name: str
    family: str
    vcpus: int
    memory: float
    arm64: bool = False
    gpus: int = 0
    available: int | None = None

    def capabilities(self) -> list[dict[str, str]]:
        """As the SKUs API lists them."""
        told = {
            "MaxResourceVolumeMB": "0",
            "OSVhdSizeMB": "1047552",
            "vCPUs": str(self.vcpus),
            "MemoryPreservingMaintenanceSupported": "True",
            "HyperVGenerations": "V2" if self.arm64 else "V1,V2",
            "MemoryGB": f"{self.memory:g}",
            "MaxDataDiskCount": "8",
            "CpuArchitectureType": "Arm64" if self.arm64 else "x64",
            "LowPriorityCapable": "True",
            "PremiumIO": "True",
            "VMDeploymentTypes": "IaaS",
            "vCPUsAvailable": str(self.available or self.vcpus),
            **({"GPUs": str(self.gpus)} if self.gpus else {}),
            "vCPUsPerCore": "1" if self.arm64 else "2",
            "EncryptionAtHostSupported": "True",
            "AcceleratedNetworkingEnabled": "True",
            "RdmaEnabled": "False",
            "MaxNetworkInterfaces": "2",
        }
        return [{"name": name, "value": value} for name, value in told.items()]


@dataclass(frozen=True, slots=True)
class _Series:
    """Sizes that differ in their vCPUs alone, with so many GiB for each."""

    pattern: str
    family: str
    per_vcpu: float
    vcpus: tuple[int, ...]
    arm64: bool = False
    constrained: dict[int, tuple[int, ...]] = field(default_factory=dict)


_SERIES = (
    _Series("D{}s_v3", "standardDSv3Family", 4, _USUAL),
    _Series("D{}_v4", "standardDv4Family", 4, _USUAL),
    _Series("D{}s_v4", "standardDSv4Family", 4, _USUAL),
    _Series("D{}ds_v4", "standardDDSv4Family", 4, _USUAL),
    _Series("D{}s_v5", "standardDSv5Family", 4, _LARGE),
    _Series("D{}ds_v5", "standardDDSv5Family", 4, _LARGE),
    _Series("D{}as_v5", "standardDASv5Family", 4, _LARGE),
    _Series("D{}ads_v5", "standardDADSv5Family", 4, _LARGE),
    _Series("D{}s_v6", "StandardDsv6Family", 4, _LARGE),
    _Series("D{}ps_v5", "standardDPSv5Family", 4, _USUAL, arm64=True),
    _Series("D{}pds_v5", "standardDPDSv5Family", 4, _USUAL, arm64=True),
    _Series("D{}ps_v6", "StandardDpsv6Family", 4, _LARGE, arm64=True),
    _Series("E{}s_v3", "standardESv3Family", 8, (*_SMALL, 20, 32, 48)),
    _Series("E{}s_v5", "standardESv5Family", 8, _USUAL, constrained={8: (2, 4), 16: (4, 8)}),
    _Series("E{}as_v5", "standardEASv5Family", 8, _USUAL),
    _Series("E{}ps_v5", "standardEPSv5Family", 8, _SMALL, arm64=True),
    _Series("F{}s_v2", "standardFSv2Family", 2, (*_USUAL, 72)),
    _Series("B{}ms", "standardBSFamily", 4, (2, 4, 8, 12, 16, 20)),
    _Series("B{}s_v2", "standardBsv2Family", 4, (2, 4, 8, 16, 32)),
    _Series("B{}ps_v2", "standardBpsv2Family", 4, _SMALL, arm64=True),
)

_SINGLE = (
    VmSize("Standard_B2s", "standardBSFamily", 2, 4),
    VmSize("Standard_DS1_v2", "standardDSv2Family", 1, 3.5),
    VmSize("Standard_DS2_v2", "standardDSv2Family", 2, 7),
    VmSize("Standard_DS3_v2", "standardDSv2Family", 4, 14),
    VmSize("Standard_DS4_v2", "standardDSv2Family", 8, 28),
    VmSize("Standard_DS5_v2", "standardDSv2Family", 16, 56),
    VmSize("Standard_NC6s_v3", "standardNCSv3Family", 6, 112, gpus=1),
    VmSize("Standard_NC12s_v3", "standardNCSv3Family", 12, 224, gpus=2),
    VmSize("Standard_NC24s_v3", "standardNCSv3Family", 24, 448, gpus=4),
    VmSize("Standard_NC4as_T4_v3", "Standard NCASv3_T4 Family", 4, 28, gpus=1),
    VmSize("Standard_NC8as_T4_v3", "Standard NCASv3_T4 Family", 8, 56, gpus=1),
    VmSize("Standard_NC16as_T4_v3", "Standard NCASv3_T4 Family", 16, 110, gpus=1),
    VmSize("Standard_NC64as_T4_v3", "Standard NCASv3_T4 Family", 64, 440, gpus=4),
    VmSize("Standard_NC24ads_A100_v4", "StandardNCADSA100v4Family", 24, 220, gpus=1),
    VmSize("Standard_NC48ads_A100_v4", "StandardNCADSA100v4Family", 48, 440, gpus=2),
    VmSize("Standard_NC96ads_A100_v4", "StandardNCADSA100v4Family", 96, 880, gpus=4),
    VmSize("Standard_NC40ads_H100_v5", "StandardNCadsH100v5Family", 40, 320, gpus=1),
    VmSize("Standard_ND40rs_v2", "standardNDSv2Family", 40, 672, gpus=8),
    VmSize("Standard_ND96asr_v4", "standardNDASv4_A100Family", 96, 900, gpus=8),
    VmSize("Standard_ND96isr_H100_v5", "standardNDISRH100v5Family", 96, 1900, gpus=8),
    VmSize("Standard_NV6ads_A10_v5", "StandardNVADSA10v5Family", 6, 55, gpus=1),
    VmSize("Standard_NV12s_v3", "standardNVSv3Family", 12, 112, gpus=1),
    VmSize("Standard_NV36ads_A10_v5", "StandardNVADSA10v5Family", 36, 440, gpus=1),
    VmSize("Standard_NV72ads_A10_v5", "StandardNVADSA10v5Family", 72, 880, gpus=2),
)


def _sizes() -> Iterator[VmSize]:
    for series in _SERIES:
        for vcpus in series.vcpus:
            memory = vcpus * series.per_vcpu
            yield VmSize(f"Standard_{series.pattern.format(vcpus)}", series.family, vcpus, memory, series.arm64)
            for few in series.constrained.get(vcpus, ()):
                name = f"Standard_{series.pattern.format(f'{vcpus}-{few}')}"
                yield VmSize(name, series.family, vcpus, memory, series.arm64, available=few)
    yield from _SINGLE


VM_SIZES = tuple(_sizes())
