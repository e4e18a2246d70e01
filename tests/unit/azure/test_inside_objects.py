"""Kubernetes objects as facts: amounts, nodes, pods, parts, and objects of any shape."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azure import inside_objects as objects
from shared.azure.inside_parts import class_of, parts_of
from shared.azure.inside_work import state_of
from shared.errors import Refused
from shared.model.inside import Form, Part


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4.0),
        (4, 4.0),
        (0.5, 0.5),
        ("3860m", 3.86),
        ("250000000n", 0.25),
        ("16Gi", 16 * 2.0**30),
        ("12880720Ki", 12880720 * 1024.0),
        ("128974848", 128974848.0),
        ("129M", 129e6),
        ("123e6", 123e6),
        ("1E3", 1000.0),
        ("1E", 1e18),
        ("1.5Gi", 1.5 * 2.0**30),
        (".5", 0.5),
        ("2.", 2.0),
        ("0", 0.0),
    ],
)
def test_amounts_are_read_as_kubernetes_writes_them(text, number):
    """Decimal and binary suffixes, exponents, fractions."""
    assert objects.amount(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "a lot", "4 Gi", "4gi", "-1", "1e999", "0x10", "NaN", None, True, [], "9" * 40])
def test_what_is_no_amount_is_refused(text):
    """Zero in its place would be a false fact."""
    with pytest.raises(Refused):
        objects.amount(text)


def node(**change: Any) -> dict[str, Any]:
    """A node with changes to its spec, status and labels."""
    status = {"allocatable": {"cpu": "4", "memory": "16Gi"}, "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "metadata": {"name": "n", "labels": change.get("labels", {})},
        "spec": change.get("spec", {}),
        "status": status | change.get("status", {}),
    }


def test_gpus_are_those_of_the_machine():
    """A plugin that is down takes them out of what can be allocated; slices and other makers' count too."""
    status = {"allocatable": {"cpu": "4", "nvidia.com/gpu": "0"}, "capacity": {"nvidia.com/gpu": "4"}}
    sliced = {"allocatable": {"nvidia.com/mig-1g.5gb": "7", "nvidia.com/gpu": "0"}}

    assert objects.node(node(status=status)).gpus == 4
    assert objects.node(node(status=sliced)).gpus == 7
    assert objects.node(node(status={"allocatable": {"amd.com/gpu": 2}})).gpus == 2
    assert objects.node(node()).gpus == 0


@pytest.mark.parametrize(
    ("spec", "schedulable"),
    [
        ({}, True),
        ({"unschedulable": True}, False),
        ({"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}, False),
        ({"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "PreferNoSchedule"}]}, True),
        ({"taints": [{"key": "sku", "value": "gpu", "effect": "NoSchedule"}]}, True),
    ],
)
def test_cordoned_nodes_and_control_planes_take_no_pods(spec, schedulable):
    """Other taints may be tolerated by the extension's settings."""
    assert objects.node(node(spec=spec)).schedulable is schedulable


def test_a_node_that_tells_no_system_is_told_by_its_labels():
    """What the kubelet says comes first, then the well-known labels."""
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}
    told = objects.node(node(labels=labels, status={"nodeInfo": {"operatingSystem": "windows"}}))

    assert (told.os, told.arch) == ("windows", "arm64")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, "CrashLoopBackOff"),
        ({"containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]}, "OOMKilled"),
        ({"containerStatuses": [{"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}]}, ""),
        (
            {
                "initContainerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
                "containerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}],
            },
            "ImagePullBackOff",
        ),
        ({"reason": "Evicted", "phase": "Failed"}, "Evicted"),
        ({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}, "Unschedulable"),
        ({}, ""),
    ],
)
def test_a_pod_says_why_it_waits(status, reason):
    """The container's own reason before the pod's, and the pod's before the scheduler's."""
    told = objects.pod({"metadata": {"name": "p"}, "status": status})

    assert (told.ready, told.reason) == (False, reason)


def test_a_deployment_without_replicas_wants_one_and_a_status_without_a_number_means_none():
    """Kubernetes' own default, and its habit of leaving zeroes out."""
    told = objects.workload(Form.DEPLOYMENT, {"metadata": {"name": "d", "namespace": "azureml"}})
    idle = objects.workload(Form.DEPLOYMENT, {"spec": {"replicas": 0}, "status": {}})
    daemons = objects.workload(Form.DAEMONSET, {"status": {"desiredNumberScheduled": 3, "numberReady": 2}})

    assert (told.wanted, told.ready) == (1, 0)
    assert (idle.wanted, idle.ready) == (0, 0)
    assert (daemons.wanted, daemons.ready) == (3, 2)


# Parts


def load(called: str, image: str = "registry.example.com:5000/x:1", **labels: str) -> dict[str, Any]:
    """A workload; in labels' names `_` stands for a hyphen."""
    return {
        "metadata": {
            "name": called,
            "namespace": "ns",
            "labels": {key.replace("_", "-"): one for key, one in labels.items()},
        },
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}},
    }


@pytest.mark.parametrize(
    ("form", "item", "part"),
    [
        (Form.DEPLOYMENT, load("kps-kube-prometheus-stack-operator"), Part.PROMETHEUS_OPERATOR),
        (Form.DEPLOYMENT, load("kps-kube-promethe-operator"), Part.PROMETHEUS_OPERATOR),
        (Form.DEPLOYMENT, load("aml-prometheus-operator"), Part.PROMETHEUS_OPERATOR),
        (Form.DEPLOYMENT, load("op", app="kube-prometheus-stack-operator"), Part.PROMETHEUS_OPERATOR),
        (Form.DEPLOYMENT, load("op", "quay.io/prometheus-operator/prometheus-operator:v0.8"), Part.PROMETHEUS_OPERATOR),
        (Form.DEPLOYMENT, load("volcano-scheduler"), Part.VOLCANO),
        (Form.DEPLOYMENT, load("s", "docker.io/volcanosh/vc-scheduler@sha256:0"), Part.VOLCANO),
        (Form.DAEMONSET, load("nvidia-device-plugin-daemonset"), Part.NVIDIA_DEVICE_PLUGIN),
        (Form.DAEMONSET, load("plugin", name="nvidia-device-plugin-ds"), Part.NVIDIA_DEVICE_PLUGIN),
        (
            Form.DAEMONSET,
            load("p", "mcr.microsoft.com/oss/v2/nvidia/k8s-device-plugin:v0.17"),
            Part.NVIDIA_DEVICE_PLUGIN,
        ),
        (Form.DEPLOYMENT, load("gpu-operator"), Part.GPU_OPERATOR),
        (Form.DAEMONSET, load("nvidia-dcgm-exporter"), Part.DCGM_EXPORTER),
        (Form.DEPLOYMENT, load("web-ingress-nginx-controller"), Part.INGRESS_NGINX),
        (Form.DAEMONSET, load("c", "registry.k8s.io/ingress-nginx/controller:v1.12"), Part.INGRESS_NGINX),
    ],
)
def test_parts_are_told_by_name_label_or_image(form, item, part):
    """Whatever the release is called."""
    assert [found.part for found in parts_of(form, item)] == [part]


@pytest.mark.parametrize(
    ("form", "item"),
    [
        (Form.DEPLOYMENT, load("ama-metrics-operator-targets")),
        (Form.DEPLOYMENT, load("prometheus-adapter")),
        (Form.DEPLOYMENT, load("nvidia-device-plugin-daemonset")),  # no daemonset
        (Form.DAEMONSET, load("gpu-operator-node-feature-discovery-worker")),
        (Form.DEPLOYMENT, load("nginx", "mcr.microsoft.com/oss/kubernetes/ingress/nginx-ingress-controller:v1")),
        (Form.DEPLOYMENT, load("controller", "registry.example.com/controller:1")),
        (Form.DEPLOYMENT, load("volcano-admission")),
    ],
)
def test_neighbours_are_no_parts(form, item):
    """Names that resemble them, and the nginx of AKS's application routing, whose class is another."""
    assert parts_of(form, item) == ()


def test_a_release_is_told_by_helms_annotation_before_any_label():
    """Labels are what charts write; the annotation is what Helm checks."""
    item = load("gpu-operator", release="by-label")
    unannotated = parts_of(Form.DEPLOYMENT, item)[0].release
    item["metadata"]["annotations"] = {"meta.helm.sh/release-name": "by-helm"}

    assert (unannotated, parts_of(Form.DEPLOYMENT, item)[0].release) == ("by-label", "by-helm")


# Any shape

_FIELDS = (
    "metadata", "name", "namespace", "labels", "annotations", "spec", "status", "conditions", "type", "reason",
    "state", "waiting", "containerStatuses", "template", "containers", "image", "allocatable", "cpu", "memory",
    "nvidia.com/gpu", "taints", "key", "effect", "loadBalancer", "ingress", "ip", "controller", "replicas", "phase",
    "readyReplicas", "terminated", "exitCode", "nodeInfo",
)  # fmt: skip
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5)
    | st.sampled_from(["Ready", "True", "LoadBalancer", "4", "1Gi", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=6),
    max_leaves=30,
)  # fmt: skip


@given(item=st.dictionaries(st.sampled_from(_FIELDS), _json, max_size=6))
def test_objects_of_any_shape_are_read_or_refused(item):
    """Nothing else is raised, and whatever comes out can be stored."""
    read: list[object] = [
        objects.pod(item),
        *(objects.workload(form, item) for form in Form),
        *(found for form in Form for found in parts_of(form, item)),
        class_of(item),
        objects.has_address(item),
        state_of(item),
    ]
    try:
        read.append(objects.node(item))
    except Refused as error:
        assert str(error) == "An amount of a node cannot be read."  # noqa: PT017 - any other error fails the test

    json.dumps([str(one) for one in read]).encode()
    "".join(map(str, read)).encode()
