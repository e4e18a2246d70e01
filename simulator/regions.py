"""The regions of the simulated Azure, which of them are pairs, and their service tags.

Source: Microsoft Learn, "Azure regions list" and "Azure cross-region replication pairings": newer regions have
no pair, and some pairs hold in one direction only. Address prefixes are made up, from the networks that RFC 2544
and RFC 3849 reserve.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """One region. `tag_region` is how service tags spell it, where that differs."""

    name: str
    display: str
    geography: str
    pair: str | None = None
    tag_region: str = ""

    @property
    def tag_suffix(self) -> str:
        """The part of a service tag's name after the dot."""
        return self.display.replace(" ", "")


REGIONS = (
    Region("eastus", "East US", "US", "westus"),
    Region("eastus2", "East US 2", "US", "centralus"),
    Region("westus", "West US", "US", "eastus"),
    Region("westus2", "West US 2", "US", "westcentralus"),
    Region("westus3", "West US 3", "US", "eastus"),
    Region("centralus", "Central US", "US", "eastus2"),
    Region("westcentralus", "West Central US", "US", "westus2"),
    Region("southcentralus", "South Central US", "US", "northcentralus"),
    Region("northcentralus", "North Central US", "US", "southcentralus"),
    Region("canadacentral", "Canada Central", "Canada", "canadaeast"),
    Region("canadaeast", "Canada East", "Canada", "canadacentral"),
    Region("brazilsouth", "Brazil South", "South America", "southcentralus"),
    Region("northeurope", "North Europe", "Europe", "westeurope"),
    Region("westeurope", "West Europe", "Europe", "northeurope"),
    Region("uksouth", "UK South", "Europe", "ukwest"),
    Region("ukwest", "UK West", "Europe", "uksouth"),
    Region("francecentral", "France Central", "Europe", "francesouth", "centralfrance"),
    Region("francesouth", "France South", "Europe", "francecentral", "southfrance"),
    Region("germanywestcentral", "Germany West Central", "Europe", "germanynorth", "germanywc"),
    Region("germanynorth", "Germany North", "Europe", "germanywestcentral", "germanyn"),
    Region("switzerlandnorth", "Switzerland North", "Europe", "switzerlandwest", "switzerlandn"),
    Region("switzerlandwest", "Switzerland West", "Europe", "switzerlandnorth", "switzerlandw"),
    Region("norwayeast", "Norway East", "Europe", "norwaywest", "norwaye"),
    Region("norwaywest", "Norway West", "Europe", "norwayeast", "norwayw"),
    Region("swedencentral", "Sweden Central", "Europe", "swedensouth"),
    Region("swedensouth", "Sweden South", "Europe", "swedencentral"),
    Region("polandcentral", "Poland Central", "Europe"),
    Region("italynorth", "Italy North", "Europe"),
    Region("spaincentral", "Spain Central", "Europe"),
    Region("southeastasia", "Southeast Asia", "Asia Pacific", "eastasia"),
    Region("eastasia", "East Asia", "Asia Pacific", "southeastasia"),
    Region("japaneast", "Japan East", "Asia Pacific", "japanwest"),
    Region("japanwest", "Japan West", "Asia Pacific", "japaneast"),
    Region("australiaeast", "Australia East", "Asia Pacific", "australiasoutheast"),
    Region("australiasoutheast", "Australia Southeast", "Asia Pacific", "australiaeast"),
    Region("centralindia", "Central India", "Asia Pacific", "southindia"),
    Region("southindia", "South India", "Asia Pacific", "centralindia"),
    Region("koreacentral", "Korea Central", "Asia Pacific", "koreasouth"),
    Region("koreasouth", "Korea South", "Asia Pacific", "koreacentral"),
)

_BY_NAME = {region.name: region for region in REGIONS}


def region_of(name: str) -> Region | None:
    """A region by its name, in any letter case, or by the name that people read (East US)."""
    return _BY_NAME.get(name.replace(" ", "").lower())


def prefixes_of(region: Region) -> list[str]:
    """The made-up addresses of Azure Machine Learning's control plane in a region."""
    number = REGIONS.index(region)
    return [
        f"198.18.{number}.0/28",
        f"198.18.{number}.64/27",
        f"198.19.{number}.128/26",
        f"2001:db8:{number:x}::40/123",
    ]
