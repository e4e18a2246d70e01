"""Application settings and host.json."""

import json
from datetime import timedelta

import pytest

from devhost.errors import StartError
from devhost.settings import HostOptions, QueueOptions, Settings, load_settings, read_host_json


def test_the_environment_wins_over_the_file(tmp_path):
    """A value of local.settings.json is used only where the environment has none, and ends in the environment."""
    file = tmp_path / "local.settings.json"
    file.write_text(json.dumps({"IsEncrypted": False, "Values": {"A": "file", "B": "file"}}))
    environment = {"A": "environment"}

    settings = load_settings(None, folder=tmp_path, environment=environment)

    assert (settings.values["A"], settings.values["B"]) == ("environment", "file")
    assert environment["B"] == "file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "JSON object"),
        ('{"Values": {"A": 1}}', "names to strings"),
        ('{"IsEncrypted": true, "Values": {}}', "encrypted"),
    ],
)
def test_an_unusable_settings_file_is_named(tmp_path, content, message):
    """A settings file that was asked for and cannot be used stops the start and is named."""
    file = tmp_path / "my.settings.json"
    if content is not None:
        file.write_text(content)

    with pytest.raises(StartError, match=message) as raised:
        load_settings(file, folder=tmp_path, environment={})

    assert str(file) in str(raised.value)


def test_expansion_names_the_missing_setting():
    """%NAME% is replaced; a missing one stops the start with its name and the function's."""
    settings = Settings({"WHEN": "0 0 * * * *"})

    assert settings.expand("%WHEN%", function="sweep") == "0 0 * * * *"
    with pytest.raises(StartError, match=r"function sweep: the application setting THEN \(x-%THEN%\) is missing"):
        settings.expand("x-%THEN%", function="sweep")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "AzureWebJobsStorage is missing"),
        ({"AzureWebJobsStorage__accountName": "x"}, "by identity"),
    ],
)
def test_a_missing_connection_says_what_to_set(values, message):
    """A binding without a usable connection string stops the start with the setting's name."""
    with pytest.raises(StartError, match=message):
        Settings(values).storage_connection("", function="reconcile")


def test_connections_are_found_as_the_host_finds_them():
    """As written, with the prefix AzureWebJobs, and the emulator's short form."""
    settings = Settings({"AzureWebJobsWORK": "w", "OTHER": "o", "DEV": "UseDevelopmentStorage=true;"})

    assert settings.storage_connection("WORK", function="f") == "w"
    assert settings.storage_connection("OTHER", function="f") == "o"
    assert "127.0.0.1:10001/devstoreaccount1" in settings.storage_connection("DEV", function="f")


def test_host_json_defaults_and_values(tmp_path):
    """An absent host.json means the host's defaults; values and overriding settings are read."""
    assert HostOptions() == read_host_json(tmp_path, Settings({}))
    document = {
        "extensions": {
            "http": {"routePrefix": ""},
            "queues": {"batchSize": 8, "visibilityTimeout": "00:00:30", "messageEncoding": "none"},
        }
    }
    (tmp_path / "host.json").write_text(json.dumps(document))
    override = {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.500"}

    options = read_host_json(tmp_path, Settings(override))

    expected = QueueOptions(
        batch_size=8,
        new_batch_threshold=4,
        visibility_timeout=timedelta(seconds=30),
        max_polling_interval=timedelta(milliseconds=500),
        base64=False,
    )
    assert HostOptions("", expected) == options


@pytest.mark.parametrize(
    "queues",
    [
        {"batchSize": 33},
        {"batchSize": "many"},
        {"maxDequeueCount": 0},
        {"visibilityTimeout": 30},
        {"messageEncoding": "utf-16"},
    ],
)
def test_wrong_queue_options_are_named(tmp_path, queues):
    """A value that the host would not take stops the start and names the option."""
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"queues": queues}}))

    with pytest.raises(StartError, match=next(iter(queues))):
        read_host_json(tmp_path, Settings({}))
