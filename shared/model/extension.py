"""Facts about a cluster extension, and the extension that Muster would send."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

AZUREML = "microsoft.azureml.kubernetes"


@dataclass(frozen=True, slots=True)
class Extension:
    """One Microsoft.KubernetesConfiguration/extensions resource, as the service returned it.

    Protected settings are never returned by the service and have no field here.
    """

    name: str
    type: str
    provisioning_state: str
    settings: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    current_version: str | None = None
    release_train: str | None = None
    auto_upgrade_minor_version: bool | None = None
    auto_upgrade_mode: str | None = None
    release_namespace: str | None = None
    error_code: str = ""
    error_message: str = ""
    system_managed: bool = False
    created_by: str | None = None
    created_at: datetime | None = None
    modified_by: str | None = None
    modified_by_type: str | None = None
    modified_at: datetime | None = None

    @property
    def azureml(self) -> bool:
        """Whether it is the Azure Machine Learning extension; the type is compared without case."""
        return self.type.lower() == AZUREML


class Origin(StrEnum):
    """Where a setting that is sent came from; `detail` beside it names the profile, tag or rule."""

    DEFAULT = "default"
    PROFILE = "profile"
    TAG = "tag"
    EXCEPTION = "exception"
    REQUEST = "request"
    DERIVED = "derived"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one key came from: `Provenance(Origin.PROFILE, "gpu-training")`."""

    origin: Origin
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.origin.value}:{self.detail}" if self.detail else self.origin.value


@dataclass(frozen=True, slots=True)
class Relay:
    """The Azure Relay objects of an Arc cluster, in the cluster's own resource group."""

    namespace: str
    hybrid_connection: str


@dataclass(frozen=True, slots=True)
class DesiredExtension:
    """What is to be sent to ARM, without any secret.

    Attributes:
        settings: the complete configurationSettings; all values are strings.
        protected: names of the protected keys that the body will carry; values are fetched at send time.
        relay: the relay objects whose connection string goes into the protected settings, or None.
        identity: whether the body carries a system-assigned identity (Arc only).
        origins: where each key of `settings` came from.
        certificate: address of the Key Vault certificate or secret whose values go into the protected settings.
    """

    settings: Mapping[str, str]
    protected: tuple[str, ...] = ()
    relay: Relay | None = None
    identity: bool = False
    release_train: str | None = "stable"
    version: str | None = None
    auto_upgrade_minor_version: bool | None = None
    auto_upgrade_mode: str | None = None
    origins: Mapping[str, Provenance] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    certificate: str | None = None
