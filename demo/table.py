"""What happened, as a table on stdout: plain text, no colours."""

from collections.abc import Iterable, Sequence
from typing import Any

from demo.checks import Check
from demo.stage import Played, Stage, state_of

type Json = dict[str, Any]

_TITLES = ("cluster", "kind", "state", "event to PUT", "to Succeeded")
_YES = "true"


def of_clusters(stage: Stage) -> str:
    """Two lines for each cluster: how it stands and how long it took; profile, rule and what was sent."""
    reported = stage.muster.clusters()
    rows = [(_row(one, reported.get(one.member.name)), _below(stage, one, reported)) for one in stage.cast()]
    cells = [_TITLES, *(row for row, _ in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_TITLES))]
    lines = [_laid_out(_TITLES, widths), "  ".join("-" * width for width in widths)]
    for row, below in rows:
        lines += [_laid_out(row, widths), f"    {below}"]
    skipped = [one for one in stage.cast() if one.skipped and one.succeeded_at is not None]
    lines += [f"* besides the {one.skipped:.0f} s that the simulator's clock was pushed forward" for one in skipped]
    return "\n".join(lines)


def _laid_out(cells: Sequence[str], widths: Sequence[int]) -> str:
    *texts, put, succeeded = zip(cells, widths, strict=True)
    left = [cell.ljust(width) for cell, width in texts]
    right = [cell.rjust(width) for cell, width in (put, succeeded)]
    return "  ".join([*left, *right]).rstrip()


def _row(one: Played, item: Json | None) -> tuple[str, ...]:
    state = state_of(item) if item else "unknown to Muster"
    return one.member.name, one.member.kind, state, _lasted(one, one.put_at), _lasted(one, one.succeeded_at)


def _below(stage: Stage, one: Played, reported: dict[str, Json]) -> str:
    writes = stage.writes(one.member)
    times = f"{len(writes)} times " if len(writes) > 1 else ""
    sent = f"sent {times}{brief(writes[-1]['body'])}" if writes else "nothing sent"
    return f"{_chosen(reported.get(one.member.name))}{sent}"


def _chosen(item: Json | None) -> str:
    if item is None or item["state"]["management"] != "Managed":
        return ""
    return f"{item['profile']} by {item['rule'] or 'request'}: "


def _lasted(one: Played, until: float | None) -> str:
    if until is None:
        return "-"
    mark = " *" if one.skipped else ""
    return f"{max(0.0, until - one.asked_at - one.skipped):.1f} s{mark}"


def brief(body: Json) -> str:
    """A request's body in a few words: what the profile and the facts put into it."""
    properties = body["properties"]
    settings = {key: str(value) for key, value in (properties.get("configurationSettings") or {}).items()}

    def on(key: str) -> bool:
        return settings.get(key, "").lower() == _YES

    words = [word for word, key in (("training", "enableTraining"), ("inference", "enableInference")) if on(key)]
    if on("enableInference"):
        words.append(settings.get("inferenceRouterServiceType", ""))
        words.append("http" if on("allowInsecureConnections") else "https")
    if settings.get("inferenceRouterHA", _YES).lower() != _YES:
        words.append("one-router")
    words += [settings["clusterPurpose"]] if "clusterPurpose" in settings else []
    words += ["openshift"] if on("openshift") else []
    gpu = (("nvidia-plugin", "installNvidiaDevicePlugin"), ("dcgm", "installDcgmExporter"))
    words += [word for word, key in gpu if on(key)]
    words += [
        f"{key.removeprefix('nodeSelector.')}={settings[key]}" for key in settings if key.startswith("nodeSelector.")
    ]
    words += ["relay"] if properties.get("configurationProtectedSettings") else []
    return f"{' '.join(words)}, {len(settings)} settings"


def of_calls(counts: dict[str, dict[str, int]]) -> str:
    """How many requests each API got, on one line."""
    parts = [
        f"{service} " + ", ".join(f"{number} {method}" for method, number in methods.items())
        for service, methods in counts.items()
    ]
    return f"Calls of Azure's APIs: {'; '.join(parts)}"


def of_checks(checks: Iterable[Check]) -> str:
    """Each check with its result."""
    return "\n".join(f"ok      {one.name}" if one.held else f"FAILED  {one.name}: {one.wrong}" for one in checks)
