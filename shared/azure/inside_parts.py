"""Components that a cluster may have already, told by their workloads and ingress classes. Pure.

By name, by the labels that charts set, and by image, because releases name their workloads as they like:
kube-prometheus-stack 45 and newer, volcano 1.6, NVIDIA/k8s-device-plugin (its manifest and its chart),
gpu-operator 22, dcgm-exporter 3, ingress-nginx 4. Whose they are is not judged here: the extension's own
prometheus operator, volcano and nginx are found as well, under the extension's name as their release.
"""

import re
from dataclasses import dataclass

from shared.azure.inside_objects import (
    Json,
    containers_of,
    labels_of,
    mapping,
    name_of,
    namespace_of,
    release_of,
    text,
)
from shared.model.inside import Existing, Form, Part

_NGINX_CONTROLLER = "k8s.io/ingress-nginx"
_NAMING_LABELS = ("app.kubernetes.io/name", "app", "k8s-app", "name", "app.kubernetes.io/component")
_RELEASE_LABELS = ("release", "app.kubernetes.io/instance")
_SETS = frozenset({Form.DEPLOYMENT, Form.STATEFULSET})


@dataclass(frozen=True, slots=True)
class _Mark:
    """What gives a component away: its forms, its name or one of the naming labels, or an image."""

    part: Part
    forms: frozenset[Form]
    name: re.Pattern[str]
    image: str


_MARKS = (
    # "<release>-operator" is told by its label: kube-prometheus-stack-operator, prometheus-operator.
    _Mark(
        Part.PROMETHEUS_OPERATOR,
        _SETS,
        re.compile(r"(?:.*-)?(?:prometheus-operator|kube-prometheus-stack-operator|kube-prom[a-z-]*-operator)"),
        "prometheus-operator",
    ),
    _Mark(Part.VOLCANO, _SETS, re.compile(r"(?:.*-)?volcano-scheduler"), "vc-scheduler"),
    _Mark(
        Part.NVIDIA_DEVICE_PLUGIN,
        frozenset({Form.DAEMONSET}),
        re.compile(r"(?:.*-)?nvidia-device-plugin(?:-.*)?"),
        "k8s-device-plugin",
    ),
    _Mark(Part.GPU_OPERATOR, _SETS, re.compile(r"(?:.*-)?gpu-operator"), "gpu-operator"),
    _Mark(Part.DCGM_EXPORTER, frozenset(Form), re.compile(r"(?:.*-)?dcgm-exporter(?:-.*)?"), "dcgm-exporter"),
    _Mark(
        Part.INGRESS_NGINX,
        frozenset(Form),
        re.compile(r"(?:.*-)?ingress-nginx(?:-controller)?"),
        "ingress-nginx/controller",
    ),
)


def parts_of(form: Form, item: Json) -> tuple[Existing, ...]:
    """The components that a workload is; mostly none."""
    labels, name = labels_of(item), name_of(item)
    names = {name, *(labels.get(key, "") for key in _NAMING_LABELS)}
    images = tuple(_repository(text(container.get("image"), 1024)) for container in containers_of(item))
    release = _release(item, labels)
    return tuple(
        Existing(mark.part, namespace_of(item), name, release)
        for mark in _MARKS
        if form in mark.forms
        and (
            any(mark.name.fullmatch(one) for one in names)
            or any(f"/{image}".endswith(f"/{mark.image}") for image in images)
        )
    )


def class_of(item: Json) -> Existing | None:
    """The ingress class that clashes with the extension's: both have the same controller."""
    if mapping(item, "spec").get("controller") != _NGINX_CONTROLLER:
        return None
    return Existing(Part.INGRESS_NGINX, "", name_of(item), _release(item, labels_of(item)))


def _release(item: Json, labels: dict[str, str]) -> str | None:
    return release_of(item) or next((labels[key] for key in _RELEASE_LABELS if labels.get(key)), None)


def _repository(image: str) -> str:
    """An image's repository, without tag and digest; a registry's port is no tag."""
    head = image.partition("@")[0]
    folder, slash, last = head.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
