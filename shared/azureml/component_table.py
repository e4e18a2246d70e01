"""The table of the extension's components, as the documentation has it, with what the release notes add.

Source: "Deploy Azure Machine Learning extension", table "Review Azure Machine Learning extension component";
AML-Kubernetes release notes.
"""

from dataclasses import dataclass

from shared.azureml.settings import Use
from shared.model.identity import Kind
from shared.model.inside import Form

# The table describes charts 1.1.x: 1.1.5 brought Volcano and azureml-fe-v2 and took the relay from AKS.
SEEN_FROM, SEEN_UNTIL = (1, 1, 5), (1, 2)


@dataclass(frozen=True, slots=True)
class Shape:
    """One form that a component is known in.

    Attributes:
        form: the form of workload; None for a container in the pods of others.
        since: the chart version that brought it; None where it was always there.
        before: the chart version that dropped it.
    """

    form: Form | None
    since: tuple[int, ...] | None = None
    before: tuple[int, ...] | None = None

    def fits(self, chart: tuple[int, ...]) -> bool:
        """Whether a chart of this version has it."""
        return (self.since is None or chart >= self.since) and (self.before is None or chart < self.before)

    def __str__(self) -> str:
        return self.form.value if self.form else "sidecar"


@dataclass(frozen=True, slots=True)
class Component:
    """One row of the table.

    Attributes:
        template: its name; `{EXTENSION-NAME}` stands for the extension's.
        shapes: the forms it is known in.
        training: its use for training alone, as the table marks it.
        inference: its use for inference alone.
        both: its use for both.
        description: what it does.
        cloud: what it says to the cloud; "" for nothing.
        switch: the setting that brings an optional one.
        kind: the only kind of cluster that has it; None for both.
        off_by: further settings that switch it off with the value false.
        router: whether it is the inference router, whose namespace a setting may change.
    """

    template: str
    shapes: tuple[Shape, ...]
    training: Use
    inference: Use
    both: Use
    description: str
    cloud: str = ""
    switch: str | None = None
    kind: Kind | None = None
    off_by: tuple[str, ...] = ()
    router: bool = False

    def named(self, extension_name: str) -> str:
        """Its name in a cluster."""
        return self.template.replace("{EXTENSION-NAME}", extension_name)


_DEPLOYMENT = (Shape(Form.DEPLOYMENT),)
_DAEMONSET = (Shape(Form.DAEMONSET),)
_STATEFULSET = (Shape(Form.STATEFULSET),)
# The documentation's table still says daemonset; the release notes of December 2022 say sidecar.
_SIDECAR_SINCE = (1, 1, 17)
_LOGGING = (Shape(Form.DAEMONSET, before=_SIDECAR_SINCE), Shape(None, since=_SIDECAR_SINCE))

_YES, _MAY, _NO = Use.REQUIRED, Use.OPTIONAL, Use.NOT_APPLICABLE
_TOKENS = "Fetches tokens for the container registry and blobs that inference uses."
# A key of charts before installVolcano, still met in installations.
_OLD_VOLCANO = ("volcanoScheduler.enable",)

COMPONENTS: tuple[Component, ...] = (
    Component(
        "relayserver",
        _DEPLOYMENT,
        _YES,
        _YES,
        _YES,
        "Works with Azure Relay to talk with the cloud services.",
        "Receives jobs and model deployments; reports the state of jobs.",
        kind=Kind.ARC,
        off_by=("relayserver.enabled",),
    ),
    Component(
        "gateway",
        _DEPLOYMENT,
        _YES,
        _YES,
        _YES,
        "Sends data back and forth.",
        "Reports nodes and resources of the cluster.",
    ),
    Component(
        "aml-operator",
        _DEPLOYMENT,
        _YES,
        _NO,
        _YES,
        "Manages the lifecycle of training jobs.",
        "Exchanges tokens for the container registry.",
    ),
    Component("metrics-controller-manager", _DEPLOYMENT, _YES, _YES, _YES, "Manages the configuration for Prometheus."),
    Component(
        "{EXTENSION-NAME}-kube-state-metrics",
        _DEPLOYMENT,
        _YES,
        _YES,
        _YES,
        "Exports metrics of the cluster to Prometheus.",
    ),
    Component(
        "{EXTENSION-NAME}-prometheus-operator",
        _DEPLOYMENT,
        _MAY,
        _MAY,
        _MAY,
        "Deploys and manages Prometheus.",
        switch="installPromOp",
    ),
    Component(
        "amlarc-identity-controller", _DEPLOYMENT, _NO, _YES, _YES, _TOKENS, "Exchanges tokens through its identity."
    ),
    Component("amlarc-identity-proxy", _DEPLOYMENT, _NO, _YES, _YES, _TOKENS, "Exchanges tokens through its identity."),
    Component(
        "azureml-fe-v2",
        _DEPLOYMENT,
        _NO,
        _YES,
        _YES,
        "Routes inference requests to the deployed services.",
        "Sends the services' logs to blobs.",
        router=True,
    ),
    Component(
        "inference-operator-controller-manager",
        _DEPLOYMENT,
        _NO,
        _YES,
        _YES,
        "Manages the lifecycle of inference endpoints.",
    ),
    Component(
        "volcano-admission",
        _DEPLOYMENT,
        _MAY,
        _NO,
        _MAY,
        "Volcano's admission webhook.",
        switch="installVolcano",
        off_by=_OLD_VOLCANO,
    ),
    Component(
        "volcano-controllers",
        _DEPLOYMENT,
        _MAY,
        _NO,
        _MAY,
        "Manages the pods of training jobs.",
        switch="installVolcano",
        off_by=_OLD_VOLCANO,
    ),
    Component(
        "volcano-scheduler",
        _DEPLOYMENT,
        _MAY,
        _NO,
        _MAY,
        "Schedules jobs in the cluster.",
        switch="installVolcano",
        off_by=_OLD_VOLCANO,
    ),
    Component(
        "fluent-bit",
        _LOGGING,
        _YES,
        _YES,
        _YES,
        "Gathers the components' system log.",
        "Uploads the system log.",
    ),
    Component(
        "{EXTENSION-NAME}-dcgm-exporter",
        _DAEMONSET,
        _MAY,
        _MAY,
        _MAY,
        "Exposes GPU metrics for Prometheus.",
        switch="installDcgmExporter",
    ),
    Component(
        "nvidia-device-plugin-daemonset",
        _DAEMONSET,
        _MAY,
        _MAY,
        _MAY,
        "Exposes the GPUs of each node.",
        switch="installNvidiaDevicePlugin",
    ),
    Component(
        "prometheus-prom-prometheus",
        _STATEFULSET,
        _YES,
        _YES,
        _YES,
        "Gathers job metrics.",
        "Sends job metrics: CPU, GPU and memory.",
    ),
)
