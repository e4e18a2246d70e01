"""What a change of settings may do to running work."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from shared.azureml.catalogue import same_value, setting_for


class Risk(StrEnum):
    """What may happen to running work, in the words of the policy."""

    SAFE = "safe"
    RESTARTS = "restarts"
    INTERRUPTS_JOBS = "interrupts jobs"
    INTERRUPTS_ENDPOINTS = "interrupts endpoints"


_BOTH = (Risk.INTERRUPTS_JOBS, Risk.INTERRUPTS_ENDPOINTS)

# Interrupts only when it is switched off; switched on, a component is added beside the others.
_OFF: Mapping[str, tuple[Risk, ...]] = {
    "enableTraining": (Risk.INTERRUPTS_JOBS,),
    "enableInference": (Risk.INTERRUPTS_ENDPOINTS,),
    "installNvidiaDevicePlugin": _BOTH,
}
_ROUTER = frozenset(
    {"allowInsecureConnections", "inferenceRouterServiceType", "internalLoadBalancerProvider", "sslCname"}
)
# What the CLI does not offer to change, told from what it does: the router's place and its service.
_ROUTER_ALIASES = ("scoringFe.namespace", "scoringFe.serviceType.", "isAKSMigration")
# Names and upkeep that no pod reads while it serves.
_HARMLESS = frozenset({"cluster_name_friendly", "autoUpgradeMinorVersion", "autoUpgradeMode", "releaseTrain"})


def risk_of_change(changed: Mapping[str, tuple[str | None, str | None]]) -> tuple[Risk, ...]:
    """The risks of changing settings (name -> actual, wanted), gravest last; SAFE stands alone.

    Source: the prompts of `az k8s-extension update` for this extension (azure-cli-extensions,
    k8s-extension 1.7.0, `AzureMLKubernetes.Update`): switching training off, the NVIDIA device plugin
    off, or any node selector impacts jobs; switching inference off, the plugin off, or any node
    selector, allowInsecureConnections, inferenceRouterServiceType, internalLoadBalancerProvider or
    sslCname impacts online endpoints. What it does not ask about is taken to restart components.
    A value that is stated for the first time and equals the documented default changes nothing.
    """
    risks = {risk for key, (actual, wanted) in changed.items() for risk in _risks(key, actual, wanted)}
    disruptive = risks - {Risk.SAFE}
    return tuple(risk for risk in Risk if risk in disruptive) or (Risk.SAFE,)


def _risks(key: str, actual: str | None, wanted: str | None) -> Iterator[Risk]:
    if key in _HARMLESS or _states_default(key, actual, wanted):
        yield Risk.SAFE
    elif key in _OFF:
        yield from _OFF[key] if (wanted or "").lower() != "true" else (Risk.SAFE,)
    elif "nodeSelector" in key:
        yield from _BOTH
    elif key in _ROUTER or key.startswith(_ROUTER_ALIASES):
        yield Risk.INTERRUPTS_ENDPOINTS
    else:
        yield Risk.RESTARTS


def _states_default(key: str, actual: str | None, wanted: str | None) -> bool:
    setting = setting_for(key)
    if actual is not None or wanted is None or setting is None or setting.default is None:
        return False
    return same_value(key, wanted, setting.default)
