"""What was seen inside a cluster, through its own API server. None means: not read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

NAMESPACE = "azureml"


class Form(StrEnum):
    """The forms of workload that the extension's components come in."""

    DEPLOYMENT = "deployment"
    DAEMONSET = "daemonset"
    STATEFULSET = "statefulset"


@dataclass(frozen=True, slots=True)
class Workload:
    """One deployment, daemonset or statefulset.

    Attributes:
        wanted: pods that should run: spec.replicas, or desiredNumberScheduled of a daemonset.
        ready: pods that are ready.
        release: the helm release that owns it (annotation meta.helm.sh/release-name).
        containers: names of the containers of its pod template.
    """

    namespace: str
    name: str
    form: Form
    wanted: int
    ready: int
    release: str | None = None
    containers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of namespace azureml; `reason` says why it waits, where it does (ImagePullBackOff, ...)."""

    name: str
    phase: str
    ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: what it is and what it can allocate."""

    name: str
    labels: Mapping[str, str]
    os: str
    arch: str
    cpu: float
    memory_gib: float
    gpus: int
    ready: bool
    schedulable: bool


class Part(StrEnum):
    """Components that a cluster may have already, and that the extension would install beside or clash with."""

    PROMETHEUS_OPERATOR = "prometheus-operator"
    VOLCANO = "volcano"
    NVIDIA_DEVICE_PLUGIN = "nvidia-device-plugin"
    GPU_OPERATOR = "gpu-operator"
    DCGM_EXPORTER = "dcgm-exporter"
    INGRESS_NGINX = "ingress-nginx"


@dataclass(frozen=True, slots=True)
class Existing:
    """One such component, where it stands and the helm release that owns it."""

    part: Part
    namespace: str
    name: str
    release: str | None = None


class Activity(StrEnum):
    """Whether jobs or endpoints run. UNKNOWN counts as busy wherever something could hurt them."""

    BUSY = "busy"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RunningWork:
    """Whether anything runs, as of a time."""

    activity: Activity
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Inside:
    """One reading of a cluster's API server.

    Attributes:
        at: when it was read.
        access: how: `user`, `admin`, `entra` or `kubeconfig`; "" where there was none.
        version: the API server's version (v1.33.2).
        namespace: phase of namespace azureml (Active, Terminating); "" where it does not exist.
        workloads: those of namespace azureml.
        pods: those of namespace azureml.
        nodes: all nodes.
        existing: components of `Part`, whoever owns them.
        secrets: for each secret asked for, its keys; a secret that does not exist has None.
        healthcheck: data of the configmap arcml-healthcheck; empty where it does not exist.
        legacy: objects of the legacy azureml-fe (SDK v1) that stand in namespace default.
        load_balancer: whether some service of type LoadBalancer was given an address.
        work: jobs and endpoints of the extension's custom resources.
        trouble: what could not be read -> why, in words for people.
        retry_after: seconds after which the cluster may be asked again, where only its turn had not come.
    """

    at: datetime
    access: str = ""
    version: str | None = None
    namespace: str | None = None
    workloads: tuple[Workload, ...] | None = None
    pods: tuple[Pod, ...] | None = None
    nodes: tuple[Node, ...] | None = None
    existing: tuple[Existing, ...] | None = None
    secrets: Mapping[str, tuple[str, ...] | None] | None = None
    healthcheck: Mapping[str, str] | None = None
    legacy: tuple[str, ...] | None = None
    load_balancer: bool | None = None
    work: RunningWork | None = None
    trouble: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of the last look inside, as it is remembered.

    Attributes:
        at: when.
        components: whether the components were seen; False where only ARM could be asked.
        faults: components that were missing or not ready, each with its reason.
        since: since when there have been faults without a break.
        gpu: whether any node has a GPU; None where nodes were not read.
        activity: whether work ran.
        trouble: why the cluster could not be looked into.
        advice: what a person may want to know.
        again: when to look again, where only the turn to look had not come.
        states: the components that were looked for, each with how it was found.
        work: what runs, in words; "" where nothing does.
    """

    at: datetime
    components: bool
    faults: tuple[str, ...] = ()
    since: datetime | None = None
    gpu: bool | None = None
    activity: Activity = Activity.UNKNOWN
    trouble: str = ""
    advice: tuple[str, ...] = ()
    again: datetime | None = None
    states: tuple[tuple[str, str], ...] = ()
    work: str = ""
