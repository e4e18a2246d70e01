"""What the official CLI refuses before it asks Azure anything, in its order and its words.

Source: azure-cli-extensions, k8s-extension 1.7.0, partner_extensions/AzureMLKubernetes.py
(`__validate_config`, `__validate_scoring_fe_settings`, `__set_up_inference_ssl`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.azureml.catalogue import AUTO, setting_for
from shared.errors import Finding, SettingsError

_MORE = "Check https://aka.ms/arcmltsg for more information."

CERT_FILE, KEY_FILE = "sslCertPemFile", "sslKeyPemFile"
TRAINING, INFERENCE = "enableTraining", "enableInference"


@dataclass(frozen=True, slots=True)
class Given:
    """What was given: plain settings, and the names of the protected ones or the ones themselves."""

    settings: Mapping[str, str]
    protected: Collection[str] = ()

    def value(self, key: str) -> str | None:
        """A value, from the settings first and the protected ones second, as the CLI reads it.

        Raises:
            SettingsError: it is a protected one whose value is not at hand.
        """
        if key in self.settings:
            return self.settings[key]
        if isinstance(self.protected, Mapping):
            found = self.protected.get(key)
            return None if found is None else str(found)
        if key in self.protected:
            raise refusal(key, f"{key} is read while the extension is built: give it as a plain setting.")
        return None

    def has(self, key: str) -> bool:
        """Whether it is given at all, plain or protected."""
        return key in self.settings or key in self.protected

    def protects(self, key: str) -> bool:
        """Whether a protected setting is given, and is not empty where its value is at hand."""
        if isinstance(self.protected, Mapping):
            return bool(self.protected.get(key))
        return key in self.protected

    def on(self, key: str) -> bool:
        """The CLI's reading of a switch: only the word true turns it on, in any letter case."""
        return (self.value(key) or "").lower() == "true"


@dataclass(frozen=True, slots=True)
class Router:
    """What the checks found out about the inference router.

    Attributes:
        node_port: it is a NodePort service.
        internal: it is behind Azure's internal load balancer.
        files: the certificate goes into the protected settings.
        secret: name of the Kubernetes secret with the certificate, where that is what is used.
    """

    node_port: bool
    internal: bool
    files: bool
    secret: str | None


def refusal(where: str, message: str) -> SettingsError:
    """An error that names one setting."""
    return SettingsError(message, (Finding(where, message),))


def check_auto(settings: Mapping[str, str]) -> None:
    """Refuse an `auto` that nobody resolved; in other settings the word is a value like any other."""
    left = tuple(
        key
        for key, value in settings.items()
        if value.lower() == AUTO and (setting := setting_for(key)) is not None and setting.auto
    )
    if left:
        message = "`auto` has to be resolved before the extension is built"
        raise SettingsError(f"{message}: {', '.join(left)}.", tuple(Finding(key, f"{message}.") for key in left))


def check_version(version: str | None, auto_upgrade_minor_version: bool | None) -> None:
    """Refuse a pinned version together with the automatic upgrade; so does the service since 2023-05-01."""
    if version is not None and auto_upgrade_minor_version:
        raise refusal("version", "To pin to specific version, auto-upgrade-minor-version must be set to 'false'.")


def check_settings(given: Given) -> Router | None:
    """Refuse what the CLI refuses; tells what the router needs, or None without inference."""
    twice = sorted(set(given.settings) & set(given.protected))
    if twice:
        message = f"Duplicate keys found.{_MORE}"
        raise SettingsError(message, tuple(Finding(key, message) for key in twice))
    if given.on(INFERENCE):
        return _check_inference(given)
    if not given.on(TRAINING):
        raise refusal(
            TRAINING,
            "To create Microsoft.AzureML.Kubernetes extension, either enable Machine Learning training or "
            f"inference by specifying '--configuration-settings {TRAINING}=true' or "
            f"'--configuration-settings {INFERENCE}=true'."
            "Please check https://aka.ms/arcmltsg for more information.",
        )
    return None


def _check_inference(given: Given) -> Router:
    files = given.protects(CERT_FILE) and given.protects(KEY_FILE)
    secret = given.value("sslSecret")
    insecure = given.on("allowInsecureConnections")
    _check_https(given, enabled=files or bool(secret), insecure=insecure)
    node_port, internal = _check_service_type(given)
    # With plain HTTP allowed the CLI drops the certificate; files win over a secret.
    return Router(node_port, internal, files and not insecure, None if insecure or files else secret)


def _check_https(given: Given, *, enabled: bool, insecure: bool) -> None:
    if not enabled and not insecure:
        raise refusal(
            "allowInsecureConnections",
            "To enable HTTPs endpoint, either provide sslCertPemFile and sslKeyPemFile to "
            "--configuration-protected-settings, or provide sslSecret(kubernetes secret name) in "
            "--configuration-settings containing both ssl cert and ssl key under azureml namespace. "
            "Otherwise, to enable HTTP endpoint, explicitly set allowInsecureConnections=true.",
        )
    # The CLI asks for the name even where plain HTTP is allowed beside the certificate.
    if enabled and not given.value("sslCname"):
        raise refusal(
            "sslCname",
            "To enable HTTPs endpoint, please specify sslCname parameter in --configuration-settings. " + _MORE,
        )


def _check_service_type(given: Given) -> tuple[bool, bool]:
    service_type = (given.value("inferenceRouterServiceType") or "").lower()
    if service_type not in {"nodeport", "loadbalancer", "clusterip"}:
        raise refusal(
            "inferenceRouterServiceType",
            "To use inference, please specify inferenceRouterServiceType=ClusterIP or "
            "inferenceRouterServiceType=NodePort or inferenceRouterServiceType=LoadBalancer in "
            "--configuration-settings and also set internalLoadBalancerProvider=azure if your aks only "
            f"supports internal load balancer.{_MORE}",
        )
    node_port = service_type == "nodeport"
    internal = (given.value("internalLoadBalancerProvider") or "").lower() == "azure"
    if node_port and internal:
        raise refusal(
            "internalLoadBalancerProvider",
            "When using nodePort as inferenceRouterServiceType, no need to specify "
            f"internalLoadBalancerProvider.{_MORE}",
        )
    return node_port, internal
