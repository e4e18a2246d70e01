"""What the common VM sizes of AKS node pools hold, for when the region's own list could not be read.

The Compute SKUs API is the source that counts. This table stands in for it: what a size holds never
changes once Microsoft has published it, so that an old table lacks new sizes but is not wrong about
the ones it has. Whoever uses it says so, with its date. Source: "Sizes for virtual machines in Azure".
"""

from collections.abc import Iterator, Mapping

from shared.model.surroundings import MachineSize

DATED = "2026-11-25"

_WHOLE = (2, 4, 8, 16, 32, 48, 64)

# Families whose memory grows with the vCPUs: name, GiB for each vCPU, vCPUs, Arm.
_EVEN: tuple[tuple[str, int, tuple[int, ...], bool], ...] = (
    ("d{}_v3", 4, _WHOLE, False),
    ("d{}s_v3", 4, _WHOLE, False),
    ("d{}s_v4", 4, _WHOLE, False),
    ("d{}ds_v4", 4, _WHOLE, False),
    ("d{}as_v4", 4, _WHOLE, False),
    ("d{}s_v5", 4, (*_WHOLE, 96), False),
    ("d{}ds_v5", 4, (*_WHOLE, 96), False),
    ("d{}as_v5", 4, (*_WHOLE, 96), False),
    ("d{}ads_v5", 4, (*_WHOLE, 96), False),
    ("d{}s_v6", 4, (*_WHOLE, 96), False),
    ("d{}ds_v6", 4, (*_WHOLE, 96), False),
    ("d{}as_v6", 4, (*_WHOLE, 96), False),
    ("d{}ads_v6", 4, (*_WHOLE, 96), False),
    ("d{}ps_v5", 4, _WHOLE, True),
    ("d{}pds_v5", 4, _WHOLE, True),
    ("d{}pls_v5", 2, _WHOLE, True),
    ("e{}s_v3", 8, (2, 4, 8, 16, 20, 32, 48), False),
    ("e{}s_v4", 8, (2, 4, 8, 16, 20, 32, 48), False),
    ("e{}ds_v4", 8, (2, 4, 8, 16, 20, 32, 48), False),
    ("e{}s_v5", 8, (2, 4, 8, 16, 20, 32, 48, 64), False),
    ("e{}ds_v5", 8, (2, 4, 8, 16, 20, 32, 48, 64), False),
    ("e{}as_v5", 8, (2, 4, 8, 16, 20, 32, 48, 64), False),
    ("e{}ads_v5", 8, (2, 4, 8, 16, 20, 32, 48, 64), False),
    ("e{}ps_v5", 8, (2, 4, 8, 16), True),
    ("f{}s_v2", 2, (2, 4, 8, 16, 32, 48, 64, 72), False),
    ("b{}ms", 4, (2, 4, 8, 12, 16, 20), False),
    ("b{}s_v2", 4, (2, 4, 8, 16, 32), False),
    ("b{}as_v2", 4, (2, 4, 8, 16, 32), False),
    ("b{}ps_v2", 4, (2, 4, 8, 16), True),
)

# The rest, each for itself: vCPUs, GiB, GPUs.
_SINGLE: Mapping[str, tuple[int, float, int]] = {
    "b2s": (2, 4, 0),
    "d1_v2": (1, 3.5, 0),
    "d2_v2": (2, 7, 0),
    "d3_v2": (4, 14, 0),
    "d4_v2": (8, 28, 0),
    "d5_v2": (16, 56, 0),
    "ds1_v2": (1, 3.5, 0),
    "ds2_v2": (2, 7, 0),
    "ds3_v2": (4, 14, 0),
    "ds4_v2": (8, 28, 0),
    "ds5_v2": (16, 56, 0),
    "ds11_v2": (2, 14, 0),
    "ds12_v2": (4, 28, 0),
    "ds13_v2": (8, 56, 0),
    "ds14_v2": (16, 112, 0),
    "nc6s_v3": (6, 112, 1),
    "nc12s_v3": (12, 224, 2),
    "nc24s_v3": (24, 448, 4),
    "nc24rs_v3": (24, 448, 4),
    "nc4as_t4_v3": (4, 28, 1),
    "nc8as_t4_v3": (8, 56, 1),
    "nc16as_t4_v3": (16, 110, 1),
    "nc64as_t4_v3": (64, 440, 4),
    "nc24ads_a100_v4": (24, 220, 1),
    "nc48ads_a100_v4": (48, 440, 2),
    "nc96ads_a100_v4": (96, 880, 4),
    "nc40ads_h100_v5": (40, 320, 1),
    "nc80adis_h100_v5": (80, 640, 2),
    "nd40rs_v2": (40, 672, 8),
    "nd96asr_v4": (96, 900, 8),
    "nd96amsr_a100_v4": (96, 1900, 8),
    "nd96isr_h100_v5": (96, 1900, 8),
    "nv12s_v3": (12, 112, 1),
    "nv24s_v3": (24, 224, 2),
    "nv48s_v3": (48, 448, 4),
    # NVads shares GPUs: the smaller sizes have a part of one, which Kubernetes counts as one.
    "nv6ads_a10_v5": (6, 55, 1),
    "nv12ads_a10_v5": (12, 110, 1),
    "nv18ads_a10_v5": (18, 220, 1),
    "nv36ads_a10_v5": (36, 440, 1),
    "nv36adms_a10_v5": (36, 880, 1),
    "nv72ads_a10_v5": (72, 880, 2),
}


def _sizes() -> Iterator[tuple[str, MachineSize]]:
    for pattern, per_vcpu, counts, arm64 in _EVEN:
        for vcpus in counts:
            yield f"standard_{pattern.format(vcpus)}", MachineSize(vcpus, vcpus * per_vcpu, arm64)
    for name, (vcpus, memory, gpus) in _SINGLE.items():
        yield f"standard_{name}", MachineSize(vcpus, memory, gpus=gpus)


# VM size in lower case -> what it holds.
MACHINE_SIZES: Mapping[str, MachineSize] = dict(_sizes())
