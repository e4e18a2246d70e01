"""Application settings and host.json, as the Functions host reads them.

Settings come from the environment and, below it, from `Values` of local.settings.json (Microsoft Learn, "Code and test
Azure Functions locally"); all of them end in the environment that the app sees. host.json gives the route prefix and
the queue options; any of its values can be overridden by a setting `AzureFunctionsJobHost__<path with __>`.
"""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from devhost.errors import StartError

__all__ = ["HostOptions", "QueueOptions", "Settings", "load_settings", "read_host_json"]

OVERRIDE = "AzureFunctionsJobHost__"
# The account of every Azurite, published in Microsoft's documentation; it opens nothing else.
EMULATOR_ACCOUNT = "devstoreaccount1"
EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
TIMESPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2}(?:\.\d{1,7})?)")


def emulator_connection_string(blob: int = 10000, queue: int = 10001, table: int = 10002) -> str:
    """The connection string of an Azurite that listens on these ports of 127.0.0.1."""
    endpoints = ";".join(
        f"{service}Endpoint=http://127.0.0.1:{port}/{EMULATOR_ACCOUNT}"
        for service, port in (("Blob", blob), ("Queue", queue), ("Table", table))
    )
    return f"DefaultEndpointsProtocol=http;AccountName={EMULATOR_ACCOUNT};AccountKey={EMULATOR_KEY};{endpoints};"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the app's environment says; names as on Linux, where case counts."""

    values: Mapping[str, str]

    def expand(self, text: str, *, function: str) -> str:
        """Replace every `%NAME%` by that setting, as the host does in schedules and queue names.

        Raises:
            StartError: a setting is missing; the message names it and the function.
        """

        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if not self.values.get(name):
                raise StartError(f"function {function}: the application setting {name} ({text}) is missing")
            return self.values[name]

        return re.sub(r"%([^%\s]+)%", value, text)

    def storage_connection(self, name: str, *, function: str) -> str:
        """The storage connection string that a binding's `connection` names.

        Looked for as written and with the prefix `AzureWebJobs`; no name means AzureWebJobsStorage.

        Raises:
            StartError: it is missing, or given by identity, which devhost does not do.
        """
        name = name or "AzureWebJobsStorage"
        found = self.values.get(name) or self.values.get(f"AzureWebJobs{name}")
        if found is None and any(key.startswith(f"{name}__") for key in self.values):
            raise StartError(
                f"function {function}: {name} is given by identity ({name}__...); "
                "devhost needs a connection string, such as that of Azurite"
            )
        if not found:
            raise StartError(
                f"function {function}: the application setting {name} is missing; set it to the connection string "
                "of a storage account, or to UseDevelopmentStorage=true for an Azurite on its usual ports"
            )
        if found.replace(" ", "").rstrip(";").lower() == "usedevelopmentstorage=true":
            return emulator_connection_string()
        return found


def load_settings(file: Path | None, *, folder: Path, environment: MutableMapping[str, str]) -> Settings:
    """Merge the settings file below the environment, and write the result into `environment`.

    Args:
        file: a local.settings.json; None means that of `folder`, where there is one.
        folder: the app.
        environment: `os.environ` in real life.

    Raises:
        StartError: the file was asked for and is absent, or is no settings file.
    """
    if file is None and (folder / "local.settings.json").exists():
        file = folder / "local.settings.json"
    values = _values(file) if file is not None else {}
    values |= {"FUNCTIONS_WORKER_RUNTIME": "python", "AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
    values["AzureWebJobsScriptRoot"] = str(folder)
    for name, value in values.items():
        environment.setdefault(name, value)
    return Settings(dict(environment))


def _values(file: Path) -> dict[str, str]:
    document = _json(file)
    values = document.get("Values", {})
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise StartError(f"{file}: Values must map names to strings")
    if document.get("IsEncrypted"):
        raise StartError(f"{file} is encrypted; devhost reads plain files only (func settings decrypt)")
    return dict(values)


def _json(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise StartError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise StartError(f"{file} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise StartError(f"{file} must hold a JSON object")
    return document


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues` of host.json with the host's defaults (Microsoft Learn, "Azure Queue storage trigger").

    Attributes:
        batch_size: messages fetched at once, 1 to 32.
        new_batch_threshold: when no more than this many run, the next batch is fetched.
        max_dequeue_count: tries before a message moves to the poison queue.
        visibility_timeout: delay before a failed message is tried again.
        max_polling_interval: how far polling of an empty queue slows down.
        base64: messages are encoded in base64, else plain text.
    """

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta()
    max_polling_interval: timedelta = timedelta(minutes=1)
    base64: bool = True


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What devhost takes from host.json."""

    route_prefix: str = "api"
    queues: QueueOptions = QueueOptions()


def read_host_json(folder: Path, settings: Settings) -> HostOptions:
    """host.json of the app with the overrides from the settings; an absent file means the host's defaults.

    Raises:
        StartError: the file or a value in it cannot be used; the message names it.
    """
    file = folder / "host.json"
    document = _json(file) if file.exists() else {}
    for name, text in settings.values.items():
        if name.startswith(OVERRIDE):
            _override(document, name.removeprefix(OVERRIDE).split("__"), text)
    extensions = document.get("extensions") or {}
    prefix = (extensions.get("http") or {}).get("routePrefix", "api")
    if not isinstance(prefix, str):
        raise StartError("host.json: extensions.http.routePrefix must be a string")
    return HostOptions(prefix.strip("/"), _queues(extensions.get("queues") or {}))


def _override(document: dict[str, Any], path: list[str], text: str) -> None:
    for step in path[:-1]:
        document = document.setdefault(step, {})
    document[path[-1]] = text


def _queues(given: Mapping[str, Any]) -> QueueOptions:
    batch_size = _integer(given, "batchSize", 16, 1, 32)
    encoding = str(given.get("messageEncoding", "base64")).lower()
    if encoding not in {"base64", "none"}:
        raise StartError(f"host.json: extensions.queues.messageEncoding is {encoding!r}; it takes base64 or none")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=_integer(given, "newBatchThreshold", batch_size // 2, 0, 10_000),
        max_dequeue_count=_integer(given, "maxDequeueCount", 5, 1, 10_000),
        visibility_timeout=_timespan(given, "visibilityTimeout", "00:00:00"),
        max_polling_interval=_timespan(given, "maxPollingInterval", "00:01:00"),
        base64=encoding == "base64",
    )


def _integer(given: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    try:
        value = int(given.get(name, default))
    except (TypeError, ValueError):
        value = low - 1
    if not low <= value <= high:
        raise StartError(f"host.json: extensions.queues.{name} is {given[name]!r}; it takes {low} to {high}")
    return value


def _timespan(given: Mapping[str, Any], name: str, default: str) -> timedelta:
    found = TIMESPAN.fullmatch(str(given.get(name, default)))
    if found is None:
        raise StartError(f"host.json: extensions.queues.{name} is {given[name]!r}; it takes hh:mm:ss")
    return timedelta(**{unit: float(value) for unit, value in found.groupdict().items() if value})
