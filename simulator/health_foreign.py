"""What of somebody else's stands in the way of the extension, once Helm runs in the cluster.

Sources: Microsoft Learn, "Troubleshoot Azure Machine Learning extension" (E45002, E45004, E45005; an existing
Ingress controller of class k8s.io/ingress-nginx breaks the installation unless `nginxIngress.controller` names
another class; CRDs of a Volcano of one's own and Helm's text for them); Azure/AML-Kubernetes 293 (the legacy router
is met when inference is turned on; the words of the report). Assumed: which text Helm has for the ingress class,
and that what the guide lists as a conflict fails the operation whatever the number of its code.
"""

from simulator.kubernetes_foreign import Part
from simulator.kubernetes_state import Inside, WorkloadChange

_STANDS = WorkloadChange(missing=False, ready=None, reason="")
_EXISTS = (
    "rendered manifests contain a resource that already exists. Unable to continue with install: "
    '{kind} "{name}" in namespace "" exists and cannot be imported into the current release: '
    "invalid ownership metadata"
)
_CONTROLLER = "k8s.io/ingress-nginx"


def _on(settings: dict[str, str], key: str, *, unset: str = "false") -> bool:
    return settings.get(key, unset).lower() == "true"


def foreign_findings(inside: Inside, settings: dict[str, str]) -> list[str]:
    """What the health check reports about components of others, one line for each finding."""
    found = []
    operator, router = inside.components.get("prometheus-operator"), inside.components.get("azureml-fe")
    if _on(settings, "installPromOp", unset="true") and operator and _works(inside, operator):
        found.append(f"E45002 PROMETHEUS_CONFLICT: prometheus operator exists in namespace {operator.namespace}")
    if _on(settings, "enableInference") and router:
        found.append("E45004 AZUREML_FE_ROLE_CONFLICT: Azureml Fe role conflict")
        if _works(inside, router):
            found.append("E45005 AZUREML_FE_DEPLOYMENT_CONFLICT: Azureml Fe deployment confict")
    return found


def foreign_refusal(inside: Inside, settings: dict[str, str]) -> str | None:
    """Why Helm itself fails on objects of others, which it will not take over."""
    if _on(settings, "enableTraining") and _on(settings, "installVolcano", unset="true"):
        for part in inside.components.values():
            for plural, group, *_ in part.definitions:
                if (plural, group) == ("jobs", "batch.volcano.sh"):
                    return _EXISTS.format(kind="CustomResourceDefinition", name=f"{plural}.{group}")
    if _on(settings, "enableInference") and _on(settings, "nginxIngress.enabled"):
        own = settings.get("nginxIngress.controller", _CONTROLLER)
        for part in inside.components.values():
            if part.ingress and part.ingress[1] == own:
                return _EXISTS.format(kind="IngressClass", name=part.ingress[0])
    return None


def _works(inside: Inside, part: Part) -> bool:
    """Whether a workload of a component is there."""
    return any(not inside.workloads.get((part.namespace, load), _STANDS).missing for load, _, _ in part.loads)
