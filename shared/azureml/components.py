"""The extension's seventeen components: which ones a cluster should have, and whether they stand.

ARM says Succeeded once Helm is done; whether the components still run only the cluster knows. What is
found here degrades a cluster's state and tells a person; it never asks for anything to be deleted.

Sources: "Deploy Azure Machine Learning extension" (table "Review Azure Machine Learning extension
component"; "Verify": all pods in namespace azureml run), AML-Kubernetes release notes (1.1.5: no relay
on AKS, scorefe v2, Volcano; 1.1.17: fluent-bit is a sidecar).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.azureml.component_table import COMPONENTS, SEEN_FROM, SEEN_UNTIL, Component, Shape
from shared.azureml.settings import SETTINGS, Use
from shared.model.identity import Kind
from shared.model.inside import NAMESPACE, Form, Inside, Pod, Workload

__all__ = ["COMPONENTS", "Component", "Expected", "Report", "Shape", "examine", "expected"]

_LONGEST_NAME = 63  # Kubernetes labels and the charts' own templates cut names here
_MOST_PODS = 10
_MOST_TOLD = 40
_LONGEST_REASON = 100
# A pod that was evicted or outlived its node stays as a dead record beside the one that took its place.
_DEAD_RECORDS = frozenset(
    {"evicted", "shutdown", "nodeshutdown", "terminated", "nodelost", "preempting", "nodeaffinity"}
)
_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Expected:
    """One component that a cluster should have.

    Attributes:
        name: its name with the extension's filled in.
        shapes: the forms it may come in; several where the chart's version is not known.
        required: whether its absence is a fault; False where it is only worth a word.
    """

    component: Component
    name: str
    shapes: tuple[Shape, ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What a look inside says.

    Attributes:
        faults: what is missing or not ready: `azureml-fe-v2 (deployment): 1 of 3 pods ready: ImagePullBackOff`.
        advice: what a person may want to know, above all what could not be checked.
        checked: the components that were looked for.
        states: how each of them was found, in words: `3 of 3 pods ready`, `missing`.
    """

    faults: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    states: tuple[tuple[str, str], ...] = ()


def expected(settings: Mapping[str, str], kind: Kind, extension_name: str, version: str | None) -> tuple[Expected, ...]:
    """The components that these settings bring on this kind of cluster, in the documentation's order.

    Args:
        settings: the installed extension's; what they leave out has the chart's default.
        kind: the relay server exists on Arc alone.
        extension_name: stands in the names of some components.
        version: the chart's; None or anything that is no version means: not known.
    """
    chart = _parsed(version)
    beyond = chart is not None and not SEEN_FROM <= chart < SEEN_UNTIL
    return tuple(
        Expected(component, component.named(extension_name), _shapes(component, chart), required=not beyond)
        for component in COMPONENTS
        if _wanted(component, settings, kind)
    )


def _on(settings: Mapping[str, str], key: str) -> bool:
    """A switch, as the chart reads it: names are case-sensitive, values are not."""
    return (settings.get(key) or _DEFAULTS.get(key) or "").lower() == "true"


def _wanted(component: Component, settings: Mapping[str, str], kind: Kind) -> bool:
    if component.kind not in {None, kind}:
        return False
    training, inference = _on(settings, "enableTraining"), _on(settings, "enableInference")
    if training and inference:
        use = component.both
    elif training or inference:
        use = component.training if training else component.inference
    else:
        # Neither is told: only what every scenario has can be expected.
        always = component.training is component.inference is component.both
        use = component.both if always else Use.NOT_APPLICABLE
    if use is Use.NOT_APPLICABLE:
        return False
    if component.switch not in settings and any(settings.get(key, "").lower() == "false" for key in component.off_by):
        return False
    return use is Use.REQUIRED or (component.switch is not None and _on(settings, component.switch))


def _shapes(component: Component, chart: tuple[int, ...] | None) -> tuple[Shape, ...]:
    if chart is None or not SEEN_FROM <= chart < SEEN_UNTIL:
        return component.shapes
    return tuple(shape for shape in component.shapes if shape.fits(chart))


def _parsed(version: str | None) -> tuple[int, ...] | None:
    numbers = (version or "").strip().removeprefix("v").split("-")[0].split("+")[0].split(".")
    if len(numbers) < 2 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in numbers):
        return None
    return tuple(int(part) for part in numbers)


def examine(
    inside: Inside, settings: Mapping[str, str], kind: Kind, extension_name: str, version: str | None
) -> Report:
    """Whether the components of an installed extension stand; what was not read is no fault.

    Args:
        inside: one reading of the cluster.
        settings: the installed extension's own.
        kind: AKS or Arc.
        extension_name: the name of the extension, which is that of its Helm release.
        version: the chart's version that runs.
    """
    if inside.namespace == "" or (inside.namespace or "").lower() == "terminating":
        told = "is being removed" if inside.namespace else "does not exist"
        wanted = expected(settings, kind, extension_name, version)
        return Report((f"namespace {NAMESPACE} {told}",), checked=tuple(item.name for item in wanted))
    look = _Look(inside, extension_name)
    look.version(version)
    if inside.workloads is None:
        look.advice.append(f"the workloads of namespace {NAMESPACE} were not read")
    else:
        for item in expected(settings, kind, extension_name, version):
            look.component(item, settings)
        look.others()
    look.pods()
    states = tuple((name, look.states[name]) for name in look.checked if name in look.states)
    return Report(_bounded(look.faults), _bounded(look.advice), tuple(look.checked), states)


class _Look:
    """Faults and advice, gathered in one pass over one reading."""

    def __init__(self, inside: Inside, extension_name: str) -> None:
        self.extension_name = extension_name
        self.workloads = inside.workloads or ()
        self.read = inside.pods
        self.faults: list[str] = []
        self.advice: list[str] = []
        self.checked: list[str] = []
        self.states: dict[str, str] = {}
        self._seen: set[tuple[str, str]] = set()
        self._told: set[str] = set()
        names = {workload.name for workload in self.workloads}
        self._pods: dict[str, list[Pod]] = {}
        for pod in inside.pods or ():
            self._pods.setdefault(_owner(pod.name, names), []).append(pod)

    def version(self, version: str | None) -> None:
        """A chart that the table does not know is worth a word, no more."""
        chart = _parsed(version)
        if chart is None:
            told = f"{_line(version)!r} is not known" if version else "was not told"
            self.advice.append(f"the chart's version {told}: each form of a component is accepted")
        elif not SEEN_FROM <= chart < SEEN_UNTIL:
            self.advice.append(
                f"the components of chart {_line(version or '')} are not known; those of 1.1 were looked for, and a "
                "missing one is no fault"
            )

    def component(self, item: Expected, settings: Mapping[str, str]) -> None:
        """One component: there, in a form it is known in, and ready."""
        namespace = settings.get("scoringFe.namespace", "") if item.component.router else ""
        if namespace and namespace != NAMESPACE:
            self.advice.append(f"{item.name}: not checked, it stands in namespace {_line(namespace)}")
            return
        self.checked.append(item.name)
        found = [(shape, found) for shape in item.component.shapes if (found := self._find(item.name, shape))]
        fitting = next((pair for pair in found if pair[0] in item.shapes), None)
        if fitting is None and found:
            # The documents do not agree on which chart has which form, so that a standing one is no fault.
            fitting = found[0]
            self.advice.append(f"{item.name}: found as {fitting[0]}, expected as {_either(item.shapes)}")
        if fitting is None:
            self._missing(item)
            return
        if fitting[0].form is None:
            self.states[item.name] = "runs in the pods of others"
            return  # the workloads that carry it are judged by themselves
        for workload in fitting[1]:
            self.states[item.name] = f"{max(workload.ready, 0)} of {workload.wanted} pods ready"
            self._ready(workload, item.name)

    def _find(self, name: str, shape: Shape) -> tuple[Workload, ...]:
        if shape.form is None:
            return tuple(workload for workload in self.workloads if name in workload.containers)
        names = {name.casefold(), name[:_LONGEST_NAME].rstrip("-").casefold()}
        return tuple(
            workload for workload in self.workloads if workload.form is shape.form and workload.name.casefold() in names
        )

    def _missing(self, item: Expected) -> None:
        if all(shape.form is None for shape in item.shapes) and not any(found.containers for found in self.workloads):
            self.advice.append(f"{item.name}: not checked, the containers of the pods were not read")
            self.checked.remove(item.name)
            return
        self.states[item.name] = "missing"
        told = f"{item.name} ({_either(item.shapes)}): missing"
        (self.faults if item.required else self.advice).append(told)

    def _ready(self, workload: Workload, name: str) -> None:
        self._seen.add((workload.form, workload.name))
        if workload.wanted <= 0:
            if workload.form is Form.DAEMONSET:
                self.advice.append(f"{name} (daemonset): no node matches it, so that it runs nowhere")
            else:
                self.faults.append(f"{name} ({workload.form}): scaled to 0 pods")
            return
        if workload.ready < workload.wanted:
            self.faults.append(self._unready(workload, name))

    def _unready(self, workload: Workload, name: str) -> str:
        """How many of its pods are ready, and why the others wait, as they say themselves."""
        self._told.add(workload.name)
        told = f"{name} ({workload.form}): {max(workload.ready, 0)} of {workload.wanted} pods ready"
        waiting = [pod for pod in self._pods.get(workload.name, ()) if not _fine(pod) or (not pod.ready and pod.reason)]
        reasons = dict.fromkeys(_line(pod.reason or pod.phase) for pod in waiting[:_MOST_PODS])
        return f"{told}: {', '.join(reasons)[:_LONGEST_REASON]}" if reasons else told

    def others(self) -> None:
        """Workloads of the namespace that are no component, or that these settings do not bring."""
        for workload in self.workloads:
            if (workload.form, workload.name) in self._seen or workload.ready >= workload.wanted:
                continue
            told = self._unready(workload, _line(workload.name))
            if workload.release is not None and workload.release.casefold() != self.extension_name.casefold():
                self.advice.append(f"{told}; it belongs to the Helm release {_line(workload.release)}")
            else:
                self.faults.append(told)

    def pods(self) -> None:
        """Pods of the namespace that neither run nor have done their work, unless told with their workload."""
        if self.read is None:
            self.advice.append(f"the pods of namespace {NAMESPACE} were not read")
            return
        broken = [
            (owner, pod)
            for owner, pods in self._pods.items()
            if owner not in self._told
            for pod in pods
            if not _fine(pod)
        ]
        dead = [pod for owner, pod in broken if owner and pod.reason.lower() in _DEAD_RECORDS]
        if dead:
            self.advice.append(f"{len(dead)} dead pods of running workloads are left ({_line(dead[0].name)})")
        faulty = [pod for owner, pod in broken if not (owner and pod.reason.lower() in _DEAD_RECORDS)]
        for pod in faulty[:_MOST_PODS]:
            told = f"pod {_line(pod.name)}: {_line(pod.phase) or 'no phase'}"
            self.faults.append(f"{told}: {_line(pod.reason)}" if pod.reason else told)
        if len(faulty) > _MOST_PODS:
            self.faults.append(f"{len(faulty) - _MOST_PODS} more pods do not run")


def _fine(pod: Pod) -> bool:
    """Running or done; the phase of a Running pod says nothing of its readiness, which its workload does."""
    return pod.phase.lower() in {"running", "succeeded"}


def _owner(pod: str, workloads: set[str]) -> str:
    """The workload whose name a pod's begins with, the longest one; "" for a pod of none."""
    end = pod.rfind("-")
    while end > 0:
        if pod[:end] in workloads:
            return pod[:end]
        end = pod.rfind("-", 0, end)
    return ""


def _bounded(told: list[str]) -> tuple[str, ...]:
    """A broken cluster, or a hostile one, may have thousands."""
    if len(told) <= _MOST_TOLD:
        return tuple(told)
    return (*told[:_MOST_TOLD], f"and {len(told) - _MOST_TOLD} more")


def _either(shapes: tuple[Shape, ...]) -> str:
    return " or ".join(str(shape) for shape in shapes)


def _line(text: str) -> str:
    """Words from inside a cluster: on one line, printable and short."""
    words = "".join(char if char.isprintable() else " " for char in text[:_LONGEST_REASON])
    return " ".join(words.split())
