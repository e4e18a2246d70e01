"""What stands in the cluster already, or must stand there: only its own API server tells."""

from shared.azureml.preflight.places import running
from shared.azureml.preflight.question import (
    Answer,
    Question,
    failed,
    no_concern,
    no_inference,
    not_asked,
    nothing_on,
    passed,
    unknown,
    unread_inside,
)
from shared.model.inside import Existing, Part

_SECRET_KEYS = ("cert.pem", "key.pem")


def foreign(question: Question, *parts: Part) -> tuple[Existing, ...] | None:
    """Components of these kinds that are not of our release; None where the cluster was not searched."""
    existing = question.inside.existing if question.inside else None
    if existing is None:
        return None
    return tuple(each for each in existing if each.part in parts and each.release != question.extension_name)


def _names(found: tuple[Existing, ...]) -> str:
    return ", ".join(f"{each.namespace}/{each.name}" for each in found)


def legacy_router(question: Question) -> Answer:
    """The router of SDK v1 clashes with the new one (E45004, E45005)."""
    legacy = question.inside.legacy if question.inside else None
    if legacy is None:
        return unread_inside(question, "legacy", "whether the legacy azureml-fe stands in namespace default")
    if not legacy:
        return passed("no legacy azureml-fe was found.")
    return failed(
        f"the legacy azureml-fe of SDK v1 stands in namespace default: {', '.join(legacy)} (E45005).",
        "Detach the old compute and delete these objects as the document on attaching AKS v1 says.",
    )


def ssl_secret(question: Question) -> Answer:
    """The secret must exist before the extension does, with both keys (E40007)."""
    if not question.inference:
        return no_inference(question)
    name = question.settings.get("scoringFe.sslSecret") or question.settings.get("sslSecret")
    if not name:
        return no_concern("no sslSecret is set.")
    if question.on("allowInsecureConnections"):
        return no_concern("allowInsecureConnections is set, so that no certificate is used.")
    secrets = question.inside.secrets if question.inside else None
    if secrets is None or name not in secrets:
        return unread_inside(question, "secrets", f"whether secret azureml/{name} exists")
    keys = secrets[name]
    missing = [key for key in _SECRET_KEYS if key not in (keys or ())]
    if not missing:
        return passed(f"secret azureml/{name} has {' and '.join(_SECRET_KEYS)}.")
    trouble = "does not exist" if keys is None else f"lacks {' and '.join(missing)}"
    return failed(
        f"secret azureml/{name} {trouble} (E40007).",
        "Create it in namespace azureml with the full chain as cert.pem and the unencrypted key as key.pem.",
    )


def prometheus_conflict(question: Question) -> Answer:
    """Two Prometheus operators fight over the same objects (E45002)."""
    return _conflict(question, "installPromOp", Part.PROMETHEUS_OPERATOR, default=True, what="a Prometheus operator")


def volcano_conflict(question: Question) -> Answer:
    """A second Volcano brings the same cluster-wide definitions."""
    if not question.training:
        return not_asked(question, "concerns training only, which is not switched on.")
    return _conflict(question, "installVolcano", Part.VOLCANO, default=True, what="a Volcano scheduler")


def dcgm_conflict(question: Question) -> Answer:
    """Two exporters on a node report every GPU twice."""
    return _conflict(question, "installDcgmExporter", Part.DCGM_EXPORTER, default=False, what="a DCGM exporter")


def ingress_conflict(question: Question) -> Answer:
    """The extension's controller serves the class that an existing ingress-nginx serves as well."""
    if not question.inference:
        return no_inference(question)
    if question.settings.get("nginxIngress.controller"):
        return no_concern("nginxIngress.controller gives the extension's controller a class of its own.")
    return _conflict(
        question,
        "nginxIngress.enabled",
        Part.INGRESS_NGINX,
        default=question.aks,
        what="an ingress-nginx controller",
        remedy="Set nginxIngress.controller to a class of its own, such as k8s.io/amlarc-ingress-nginx.",
    )


def _conflict(question: Question, flag: str, part: Part, *, default: bool, what: str, remedy: str = "") -> Answer:
    """Whether something would be installed that somebody else has installed already."""
    if not question.settings:
        return nothing_on(question)
    if question.undecided(flag):
        return unknown(f"{flag}, which is still auto")
    if question.off(flag) or (flag not in question.settings and not default):
        return no_concern(f"{flag} is not true.")
    found = foreign(question, part)
    if found is None:
        return unread_inside(question, "existing", f"whether the cluster has {what} already")
    if not found:
        return passed(f"the cluster has no {part.value} of somebody else's.")
    return failed(
        f"the cluster has {what} already ({_names(found)}), and {flag} would install another.",
        remedy or f"Set {flag} to False to use the existing one; the troubleshooting guide says what it must offer.",
    )


def nvidia_gpus(question: Question) -> Answer:
    """The device plugin is of use where there are GPUs and their driver."""
    if not question.on("installNvidiaDevicePlugin"):
        return _no_plugin(question)
    found = _gpus(question)
    if found is None:
        if question.aks:
            return unknown("whether any pool has GPUs")
        return unread_inside(question, "nodes", "whether any node has a GPU")
    if not found:
        return failed(
            "installNvidiaDevicePlugin is True, but no node with a GPU was observed; a GPU without its driver and "
            "label is not seen.",
            "Set it to False or add nodes with NVIDIA GPUs, driver and container toolkit included.",
        )
    bare = [
        pool.name for pool in question.cluster.pools or () if pool.gpu and (pool.gpu_driver or "").lower() == "none"
    ]
    if bare:
        return failed(
            f"the device plugin needs a driver, and the GPU pools {', '.join(bare)} have none (gpuProfile.driver).",
            "Install it, by the GPU operator for instance, or recreate the pools with gpuProfile.driver Install.",
        )
    return passed("nodes with GPUs were observed.")


def nvidia_conflict(question: Question) -> Answer:
    """One device plugin for each node: AKS, the GPU operator or somebody else may have brought it."""
    if not question.on("installNvidiaDevicePlugin"):
        return _no_plugin(question)
    managed = [pool.name for pool in question.cluster.pools or () if (pool.gpu_driver or "").lower() == "managed"]
    if managed:
        return failed(
            f"AKS itself installs the device plugin on the pools {', '.join(managed)} (managed GPU profile).",
            "Set installNvidiaDevicePlugin to False.",
        )
    found = foreign(question, Part.NVIDIA_DEVICE_PLUGIN, Part.GPU_OPERATOR)
    if found is None:
        return unread_inside(question, "existing", "whether the cluster has a device plugin or GPU operator already")
    if not found:
        return passed("the cluster has no device plugin or GPU operator of somebody else's.")
    return failed(
        f"the cluster has a device plugin or GPU operator already: {_names(found)}.",
        "Set installNvidiaDevicePlugin to False.",
    )


def _no_plugin(question: Question) -> Answer:
    if question.undecided("installNvidiaDevicePlugin"):
        return unknown("installNvidiaDevicePlugin, which is still auto")
    return not_asked(question, "installNvidiaDevicePlugin is not true.")


# Labels that tell a GPU before any plugin runs: node feature discovery, NVIDIA's operator, AKS.
_GPU_LABELS = (
    "feature.node.kubernetes.io/pci-10de.present",
    "feature.node.kubernetes.io/pci-0302_10de.present",
    "feature.node.kubernetes.io/pci-0300_10de.present",
    "nvidia.com/gpu.present",
)


def _gpus(question: Question) -> bool | None:
    """Whether GPUs were observed: by pools on AKS, by what nodes offer or are labelled with elsewhere."""
    nodes = question.inside.nodes if question.inside else None
    seen = any(
        node.gpus > 0
        or node.labels.get("accelerator") == "nvidia"
        or any(node.labels.get(label) == "true" for label in _GPU_LABELS)
        for node in nodes or ()
    )
    if seen:
        return True
    if question.aks:
        pools = [pool.gpu for pool in question.cluster.pools or () if running(pool)]
        if True in pools:
            return True
        certain = question.cluster.pools is not None and None not in pools
        return False if certain and not question.cluster.node_autoprovisioning else None
    return None if nodes is None else False


_ACCOUNTS = (
    "system:serviceaccount:azure-arc:azure-arc-kube-aad-proxy-sa",
    "system:serviceaccount:azureml:{name}-kube-state-metrics",
    "system:serviceaccount:azureml:prom-admission",
    "system:serviceaccount:azureml:default",
    "system:serviceaccount:azureml:prom-operator",
    "system:serviceaccount:azureml:load-amlarc-selinux-policy-sa",
    "system:serviceaccount:azureml:azureml-fe-v2",
    "system:serviceaccount:azureml:prom-prometheus",
    "system:serviceaccount:<namespace of the compute>:default",
    "system:serviceaccount:azureml:azureml-ingress-nginx",
    "system:serviceaccount:azureml:azureml-ingress-nginx-admission",
)


def openshift_scc(question: Question) -> Answer:
    """OpenShift lets the extension's pods run only once their accounts are privileged."""
    distribution = question.cluster.distribution
    if distribution is None:
        return unknown("the cluster's distribution")
    if distribution.lower() != "openshift":
        return no_concern("concerns OpenShift only.")
    names = ", ".join(account.format(name=question.extension_name) for account in _ACCOUNTS)
    return failed(
        "on OpenShift the extension's service accounts must be users of the privileged security context constraints; "
        "whether they are cannot be seen from Azure.",
        f"Run oc edit scc privileged and add under users: {names}. Disable SELinux on the workers where v1 data sets "
        "are used.",
    )
