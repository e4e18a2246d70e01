"""Muster's own table of VM sizes."""

import datetime as dt
import re

import pytest

from shared.azureml.machine_sizes import DATED, MACHINE_SIZES
from shared.model.cluster import NodePool
from shared.model.surroundings import MachineSize


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("standard_ds2_v2", MachineSize(2, 7)),
        ("standard_ds3_v2", MachineSize(4, 14)),
        ("standard_d4s_v5", MachineSize(4, 16)),
        ("standard_d4ps_v5", MachineSize(4, 16, arm64=True)),
        ("standard_e8s_v5", MachineSize(8, 64)),
        ("standard_f8s_v2", MachineSize(8, 16)),
        ("standard_b4ms", MachineSize(4, 16)),
        ("standard_nc6s_v3", MachineSize(6, 112, gpus=1)),
        ("standard_nd96asr_v4", MachineSize(96, 900, gpus=8)),
        ("standard_nv36ads_a10_v5", MachineSize(36, 440, gpus=1)),
    ],
)
def test_published_sizes(name, size):
    """As "Sizes for virtual machines in Azure" has them."""
    assert MACHINE_SIZES[name] == size


def test_the_table_has_a_date():
    """Whoever relies on it says how old it is."""
    assert dt.date.fromisoformat(DATED) <= dt.datetime.now(dt.UTC).date()


@pytest.mark.parametrize("name", MACHINE_SIZES)
def test_names_and_contents_agree(name):
    """The number of vCPUs stands in the name (save for the second D series), GPUs are in N families, `p` is for Arm."""
    size = MACHINE_SIZES[name]
    pool = NodePool("p", 1, None, None, name, "Linux", "User", None)
    digits = re.match(r"standard_[a-z]+(\d+)", name)

    assert name == name.lower()
    assert digits
    assert re.match(r"standard_ds?\d+_v2", name) or int(digits[1]) == size.vcpus
    assert pool.gpu is (size.gpus > 0)
    assert pool.arm64 is size.arm64
