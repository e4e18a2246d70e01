"""The name of a cluster: its ARM id, in the one form that Muster compares, stores and queues.

ARM ids arrive in any letter case (`resourcegroups`, `ManagedClusters`); they name the same
cluster. A `ClusterId` holds the lower-case parts; `str()` gives the lower-case ARM id and `key`
its form for URLs, table keys and blob names.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import InvalidClusterId

MAX_ID_LENGTH = 400  # subscription 36 + group 90 + name 63 + the fixed words, with room to spare


class Kind(StrEnum):
    """The two kinds of cluster that take cluster extensions for Azure Machine Learning."""

    AKS = "aks"
    ARC = "arc"

    @property
    def provider(self) -> str:
        """The resource provider's namespace, as ARM spells it."""
        return "Microsoft.ContainerService" if self is Kind.AKS else "Microsoft.Kubernetes"

    @property
    def resource(self) -> str:
        """The resource type without its namespace, as ARM spells it."""
        return "managedClusters" if self is Kind.AKS else "connectedClusters"

    @property
    def type(self) -> str:
        """The full resource type in lower case, as Resource Graph writes it."""
        return f"{self.provider}/{self.resource}".lower()


_BY_TYPE = {kind.type: kind for kind in Kind}


def key_of(arm_id: str) -> str:
    """The key of a cluster whose ARM id, in lower case, is known to be one."""
    return base64.urlsafe_b64encode(arm_id.encode()).decode().rstrip("=")


# Names: AKS 1-63 of letters, digits, '_' and '-'; Arc also dots. Resource groups: 1-90 of letters
# (any script), digits, '.', '_', '-', '(' and ')', not ending in a dot (ARM's naming rules).
_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"/resourcegroups/(?P<group>[\w.()-]{0,89}[\w()-])"
    r"/providers/(?P<type>microsoft\.containerservice/managedclusters|microsoft\.kubernetes/connectedclusters)"
    r"/(?P<name>[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9_-])?)",
)


def lowered(text: str) -> str:
    """An ARM id in the letter case in which it is compared."""
    # The one letter that Python makes two characters of, the second no letter: ARM would not know that name.
    return "\u0130".join(part.lower() for part in text.split("\u0130"))


@dataclass(frozen=True, slots=True, order=True)
class ClusterId:
    """The ARM id of one AKS or Arc cluster; all parts in lower case."""

    subscription: str
    resource_group: str
    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> "ClusterId":
        """Read an ARM id in any letter case.

        Raises:
            InvalidClusterId: it is not exactly the id of an AKS or Arc cluster.
        """
        match = _ID.fullmatch(lowered(text.strip().rstrip("/")) if len(text) <= MAX_ID_LENGTH else "")
        if match is None:
            raise InvalidClusterId(
                "This is not the ARM id of a managedClusters (AKS) or connectedClusters (Arc) resource."
            )
        return cls(match["subscription"], match["group"], _BY_TYPE[match["type"]], match["name"])

    @classmethod
    def from_key(cls, key: str) -> "ClusterId":
        """Read the form that stands in URLs and table keys.

        Raises:
            InvalidClusterId: the key does not decode to a cluster's id.
        """
        try:
            padded = key + "=" * (-len(key) % 4)
            text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        except (ValueError, binascii.Error) as error:
            raise InvalidClusterId("This is not a cluster's key.") from error
        return cls.parse(text)

    @property
    def key(self) -> str:
        """The lower-case ARM id as base64url without padding."""
        return key_of(str(self))

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourcegroups/{self.resource_group}"
            f"/providers/{self.kind.type}/{self.name}"
        )
