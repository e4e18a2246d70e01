"""The seventeen components: which are expected where, and what a look inside makes of them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azureml.component_table import COMPONENTS
from shared.azureml.components import examine, expected
from shared.azureml.settings import Use
from shared.model.identity import Kind
from shared.model.inside import Form, Inside, Pod, Workload

YES, MAY, NO = Use.REQUIRED, Use.OPTIONAL, Use.NOT_APPLICABLE
D, S, T = Form.DEPLOYMENT, Form.DAEMONSET, Form.STATEFULSET

# The documentation's table: form, training, inference, training and inference.
DOCUMENTED = {
    "relayserver": (D, YES, YES, YES),
    "gateway": (D, YES, YES, YES),
    "aml-operator": (D, YES, NO, YES),
    "metrics-controller-manager": (D, YES, YES, YES),
    "{EXTENSION-NAME}-kube-state-metrics": (D, YES, YES, YES),
    "{EXTENSION-NAME}-prometheus-operator": (D, MAY, MAY, MAY),
    "amlarc-identity-controller": (D, NO, YES, YES),
    "amlarc-identity-proxy": (D, NO, YES, YES),
    "azureml-fe-v2": (D, NO, YES, YES),
    "inference-operator-controller-manager": (D, NO, YES, YES),
    "volcano-admission": (D, MAY, NO, MAY),
    "volcano-controllers": (D, MAY, NO, MAY),
    "volcano-scheduler": (D, MAY, NO, MAY),
    "fluent-bit": (S, YES, YES, YES),
    "{EXTENSION-NAME}-dcgm-exporter": (S, MAY, MAY, MAY),
    "nvidia-device-plugin-daemonset": (S, MAY, MAY, MAY),
    "prometheus-prom-prometheus": (T, YES, YES, YES),
}
SCENARIOS = {
    "training": {"enableTraining": "True", "enableInference": "False"},
    "inference": {"enableInference": "true"},
    "both": {"enableTraining": "True", "enableInference": "True"},
}
EVERYTHING = SCENARIOS["both"] | {"installNvidiaDevicePlugin": "True", "installDcgmExporter": "True"}
VOLCANO = {"volcano-admission", "volcano-controllers", "volcano-scheduler"}
VERSION, AT = "1.1.79", datetime(2026, 8, 1, tzinfo=UTC)
FE_PODS = tuple(Pod(f"azureml-fe-v2-6d5-{letter}", "Running", ready=True) for letter in "abc")


def standing(settings=EVERYTHING, kind=Kind.ARC, name="azureml", version=VERSION, **changes):
    """The workloads of a healthy installation; a keyword (with _ for -) changes one, None removes it."""
    found = {}
    for item in expected(settings, kind, name, version):
        form = item.shapes[0].form
        if form is not None:
            wanted = 3 if item.name == "azureml-fe-v2" else 1
            containers = ("manager", "fluent-bit") if form is D else ("manager",)
            found[item.name] = {
                "namespace": "azureml",
                "name": item.name,
                "form": form,
                "wanted": wanted,
                "ready": wanted,
                "release": name,
                "containers": containers,
            }
    for key, change in changes.items():
        if change is None:
            del found[key.replace("_", "-")]
        else:
            found[key.replace("_", "-")] |= change
    return tuple(Workload(**facts) for facts in found.values())


def inside(workloads, pods=FE_PODS, **facts):
    return Inside(at=AT, namespace="Active", workloads=workloads, pods=pods, **facts)


def look(workloads, pods=FE_PODS, *, settings=EVERYTHING, kind=Kind.ARC, name="azureml", version=VERSION):
    return examine(inside(workloads, pods), settings, kind, name, version)


def test_the_table_is_the_documentations():
    """Seventeen rows: names, forms and marks."""
    told = {one.template: (one.shapes[0].form, one.training, one.inference, one.both) for one in COMPONENTS}

    assert told == DOCUMENTED
    assert list(told) == list(DOCUMENTED)
    assert all(one.description.endswith(".") for one in COMPONENTS)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_each_scenario_brings(scenario, kind):
    """Checked ones always, optional ones by their chart defaults, N/A ones never; the relay server on Arc alone."""
    place = {"training": 1, "inference": 2, "both": 3}[scenario]
    on_by_default = VOLCANO | {"{EXTENSION-NAME}-prometheus-operator"}
    wanted = [
        name.replace("{EXTENSION-NAME}", "ml")
        for name, row in DOCUMENTED.items()
        if (row[place] is YES or (row[place] is MAY and name in on_by_default))
        and (name != "relayserver" or kind is Kind.ARC)
    ]

    assert [item.name for item in expected(SCENARIOS[scenario], kind, "ml", VERSION)] == wanted


@pytest.mark.parametrize(
    ("setting", "value", "gone", "come"),
    [
        ("installPromOp", "false", {"azureml-prometheus-operator"}, set()),
        ("installVolcano", "False", VOLCANO, set()),
        ("volcanoScheduler.enable", "false", VOLCANO, set()),
        ("installDcgmExporter", "TRUE", set(), {"azureml-dcgm-exporter"}),
        ("installNvidiaDevicePlugin", "true", set(), {"nvidia-device-plugin-daemonset"}),
        ("relayserver.enabled", "false", {"relayserver"}, set()),
        ("InstallVolcano", "False", set(), set()),
        ("installVolcano", "yes", VOLCANO, set()),
    ],
)
def test_settings_switch_optional_ones(setting, value, gone, come):
    """Values without letter case, names with it: the chart does not read a misspelt one."""
    names = {item.name for item in expected(SCENARIOS["both"], Kind.ARC, "azureml", VERSION)}
    changed = {item.name for item in expected(SCENARIOS["both"] | {setting: value}, Kind.ARC, "azureml", VERSION)}

    assert (names - changed, changed - names) == (gone, come)


def test_the_old_volcano_key_yields_to_the_new_one():
    """The key that charts of today read wins."""
    settings = SCENARIOS["both"] | {"installVolcano": "True", "volcanoScheduler.enable": "false"}

    assert {item.name for item in expected(settings, Kind.AKS, "azureml", VERSION)} >= VOLCANO


def test_unknown_scenario_expects_what_all_have():
    """Settings that tell no scenario lead to no fault about the components of one."""
    names = {item.name for item in expected({}, Kind.AKS, "azureml", VERSION)}

    assert names == {
        "gateway",
        "metrics-controller-manager",
        "azureml-kube-state-metrics",
        "azureml-prometheus-operator",
        "fluent-bit",
        "prometheus-prom-prometheus",
    }


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("settings", [*SCENARIOS.values(), EVERYTHING])
def test_a_healthy_installation(settings, kind):
    """Nothing to tell, and everything expected was looked for."""
    report = look(standing(settings, kind), (), settings=settings, kind=kind)

    assert (report.faults, report.advice) == ((), ())
    assert report.checked == tuple(item.name for item in expected(settings, kind, "azureml", VERSION))


@pytest.mark.parametrize("component", [name for name in DOCUMENTED if name != "fluent-bit"])
def test_each_missing_component_is_named(component):
    """One of the seventeen gone is one fault, with its name and form."""
    name = component.replace("{EXTENSION-NAME}", "azureml")

    report = look(standing(**{name: None}))

    assert report.faults == (f"{name} ({DOCUMENTED[component][0]}): missing",)


@pytest.mark.parametrize("component", [name for name in DOCUMENTED if name != "fluent-bit"])
def test_each_unready_component_is_named(component):
    """One that is not ready as well, with the numbers."""
    name = component.replace("{EXTENSION-NAME}", "azureml")

    report = look(standing(**{name: {"wanted": 4, "ready": 1}}))

    assert report.faults == (f"{name} ({DOCUMENTED[component][0]}): 1 of 4 pods ready",)


def test_the_reason_comes_from_the_pods():
    """Why they wait, each reason once, and no pod is told a second time."""
    pods = (
        Pod("azureml-fe-v2-6d5-a", "Pending", ready=False, reason="ImagePullBackOff"),
        Pod("azureml-fe-v2-6d5-b", "Pending", ready=False, reason="ImagePullBackOff"),
        Pod("azureml-fe-v2-6d5-c", "Running", ready=True),
    )

    report = look(standing(azureml_fe_v2={"ready": 1}), pods)

    assert report.faults == ("azureml-fe-v2 (deployment): 1 of 3 pods ready: ImagePullBackOff",)


def test_a_crashing_pod_that_runs_gives_its_reason():
    """Between two crashes a pod's phase is Running."""
    pods = (Pod("gateway-5-a", "Running", ready=False, reason="CrashLoopBackOff"),)

    report = look(standing(gateway={"ready": 0}), pods)

    assert report.faults == ("gateway (deployment): 0 of 1 pods ready: CrashLoopBackOff",)


def test_names_carry_the_extensions():
    """Another extension name, other names; those of the default one do not count."""
    assert look(standing(name="ml"), name="ml").faults == ()
    assert set(look(standing(name="ml")).faults) == {
        "azureml-kube-state-metrics (deployment): missing",
        "azureml-prometheus-operator (deployment): missing",
        "azureml-dcgm-exporter (daemonset): missing",
    }


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        ("1.1.16", ()),
        ("1.1.17", ("fluent-bit: found as daemonset, expected as sidecar",)),
        (VERSION, ("fluent-bit: found as daemonset, expected as sidecar",)),
        (None, ("the chart's version was not told: each form of a component is accepted",)),
        ("latest", ("the chart's version 'latest' is not known: each form of a component is accepted",)),
    ],
)
def test_fluent_bit_as_a_daemonset(version, advice):
    """Before 1.1.17 as it should be; where the documents disagree it is worth a word, never a fault."""
    daemonset = Workload("azureml", "fluent-bit", S, 3, 3, "azureml", ("fluent-bit",))
    others = tuple(
        Workload("azureml", one.name, one.form, one.wanted, one.ready, "azureml", ("manager",)) for one in standing()
    )

    # The daemonset's own container is called like the sidecar.
    bare = Workload("azureml", "fluent-bit", S, 3, 3, "azureml", ("logger",))
    report = look((*others, bare), version=version)

    assert (report.faults, report.advice) == ((), advice)
    assert look((*others, daemonset), version="1.1.16").faults == ()


@pytest.mark.parametrize(
    ("version", "told"),
    [("1.1.16", "daemonset"), (VERSION, "sidecar"), (None, "daemonset or sidecar")],
)
def test_no_fluent_bit_at_all(version, told):
    """Gone in every form that is accepted is a fault."""
    found = tuple(
        Workload("azureml", one.name, one.form, one.wanted, one.ready, "azureml", ("manager",))
        for one in standing()
        if one.name != "fluent-bit"
    )

    assert look(found, version=version).faults == (f"fluent-bit ({told}): missing",)


def test_containers_that_were_not_read():
    """A sidecar cannot be missed where no container was seen."""
    found = tuple(Workload("azureml", one.name, one.form, one.wanted, one.ready) for one in standing())

    report = look(found)

    assert report.faults == ()
    assert report.advice == ("fluent-bit: not checked, the containers of the pods were not read",)
    assert "fluent-bit" not in report.checked


@pytest.mark.parametrize("version", ["1.2.0", "2.0.1", "1.0.90"])
def test_a_chart_nobody_knows_only_warns(version):
    """Its missing components are advice; one that is there and not ready stays a fault."""
    report = look(standing(gateway=None, relayserver={"ready": 0}), version=version)

    assert report.faults == ("relayserver (deployment): 0 of 1 pods ready",)
    assert report.advice[0].startswith(f"the components of chart {version} are not known")
    assert report.advice[1] == "gateway (deployment): missing"


@pytest.mark.parametrize("version", ["1.1.35", "v1.1.35", "1.1.35-beta", "1.1", " 1.1.79 "])
def test_versions_that_are_known(version):
    """Spellings of one version mean the same; a bare 1.1 is older than what the table has, which only warns."""
    report = look(standing(), version=version)

    assert report.faults == ()
    assert bool(report.advice) is (version == "1.1")


def test_a_router_without_replicas_is_a_fault():
    """Zero of zero pods is not readiness."""
    report = look(standing(azureml_fe_v2={"wanted": 0, "ready": 0}), ())

    assert report.faults == ("azureml-fe-v2 (deployment): scaled to 0 pods",)


def test_a_daemonset_without_nodes_is_advice():
    """A plugin for GPUs on a pool that is scaled to zero stands as it should."""
    report = look(standing(nvidia_device_plugin_daemonset={"wanted": 0, "ready": 0}))

    assert report.faults == ()
    assert report.advice == ("nvidia-device-plugin-daemonset (daemonset): no node matches it, so that it runs nowhere",)


def test_a_router_in_another_namespace_is_not_checked():
    """The migration from SDK v1 keeps it in namespace default, which nobody looked at."""
    report = look(standing(azureml_fe_v2=None), (), settings=EVERYTHING | {"scoringFe.namespace": "default"})

    assert report.faults == ()
    assert report.advice == ("azureml-fe-v2: not checked, it stands in namespace default",)
    assert "azureml-fe-v2" not in report.checked


def test_what_was_not_read_is_no_fault():
    """Neither workloads nor pods: nothing checked, both said."""
    report = look(None, None)

    assert (report.faults, report.checked) == ((), ())
    assert report.advice == (
        "the workloads of namespace azureml were not read",
        "the pods of namespace azureml were not read",
    )
    assert look(standing(), None).advice == ("the pods of namespace azureml were not read",)


@pytest.mark.parametrize(("phase", "told"), [("", "does not exist"), ("Terminating", "is being removed")])
def test_a_namespace_that_is_not_there(phase, told):
    """One fault says it, not one for each component."""
    report = examine(Inside(at=AT, namespace=phase, workloads=(), pods=()), EVERYTHING, Kind.AKS, "azureml", VERSION)

    assert report.faults == (f"namespace azureml {told}",)
    assert "gateway" in report.checked


@pytest.mark.parametrize(
    ("pod", "faults", "advice"),
    [
        (Pod("x", "Running", ready=True), (), ()),
        (Pod("x", "Succeeded", ready=False, reason="Completed"), (), ()),
        (Pod("x", "Pending", ready=False, reason="Unschedulable"), ("pod x: Pending: Unschedulable",), ()),
        (Pod("healthcheck", "Failed", ready=False), ("pod healthcheck: Failed",), ()),
        (Pod("gateway-5-a", "Unknown", ready=False), ("pod gateway-5-a: Unknown",), ()),
        (Pod("x", "", ready=False), ("pod x: no phase",), ()),
        (
            Pod("gateway-5-a", "Failed", ready=False, reason="Evicted"),
            (),
            ("1 dead pods of running workloads are left (gateway-5-a)",),
        ),
        (Pod("alone", "Failed", ready=False, reason="Evicted"), ("pod alone: Failed: Evicted",), ()),
    ],
)
def test_pods_run_or_have_done_their_work(pod, faults, advice):
    """As the documentation asks; the dead record of an evicted pod whose workload stands is no fault."""
    report = look(standing(), (*FE_PODS, pod))

    assert (report.faults, report.advice) == (faults, advice)


@pytest.mark.parametrize(("release", "fault"), [("azureml", True), (None, True), ("somebody", False)])
def test_other_workloads_of_the_namespace(release, fault):
    """The ingress controller is in no table but has to run too; somebody else's release is only told."""
    other = Workload("azureml", "azureml-ingress-nginx-controller", D, 1, 0, release)
    pods = (Pod("azureml-ingress-nginx-controller-7-a", "Pending", ready=False, reason="OOMKilled"),)

    report = look((*standing(), other), pods)

    told = report.faults if fault else report.advice
    assert len(report.faults + report.advice) == 1
    assert told[0].startswith("azureml-ingress-nginx-controller (deployment): 0 of 1 pods ready: OOMKilled")


def test_a_huge_namespace_is_told_shortly():
    """Thousands of broken pods and workloads make a few lines of bounded length, on one line each."""
    pods = tuple(Pod(f"x{number}", "Failed\n" * 99, ready=False, reason="y\x00" * 9999) for number in range(5000))
    others = tuple(Workload("azureml", f"w{number}", D, 1, 0) for number in range(5000))

    report = look((*standing(), *others), pods)

    assert len(report.faults) <= 41
    assert report.faults[-1].startswith("and ")
    assert all(len(told) < 400 and told.isprintable() for told in report.faults + report.advice)


words = st.sampled_from(["Deleting", "fluent-bit", "azureml-fe-v2", "gateway", "", "x-1", "Failed", "1.1.79", "true"])
workloads = st.builds(
    Workload,
    st.just("azureml"),
    words,
    st.sampled_from(Form),
    st.integers(-1, 4),
    st.integers(-1, 4),
    st.none() | words,
    st.lists(words, max_size=2).map(tuple),
)
pods = st.builds(Pod, words, words, st.booleans(), words)


@given(
    st.none() | st.lists(workloads, max_size=6).map(tuple),
    st.none() | st.lists(pods, max_size=6).map(tuple),
    st.dictionaries(st.sampled_from(["enableTraining", "enableInference", "installVolcano"]), words),
    st.sampled_from(Kind),
    st.none() | st.text(max_size=8),
)
def test_any_reading_is_answered(found, seen, settings, kind, version):
    """Nothing read inside a cluster is an error, and nothing told asks for a deletion."""
    report = examine(inside(found, seen), settings, kind, "azureml", version)

    said = " ".join(report.faults + report.advice).lower()
    assert not any(word in said for word in ("delete ", "remove ", "reinstall", "uninstall"))
    assert (report.checked == ()) is (found is None)


def test_each_component_is_named_with_how_it_was_found():
    """In the order of the documentation: pods that are ready, what is missing, and what runs in the pods of others."""
    report = look(standing(gateway={"ready": 0}, aml_operator=None), kind=Kind.AKS)
    states = dict(report.states)

    assert tuple(states) == report.checked
    assert states["gateway"] == "0 of 1 pods ready"
    assert states["aml-operator"] == "missing"
    assert states["azureml-fe-v2"] == "3 of 3 pods ready"
    assert states["fluent-bit"] == "runs in the pods of others"
