"""What infra/ writes down is what the product reads, calls and logs: no more, and no less."""

import json
import re
import stat
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from shared.azure import kql
from shared.model import event, notice, plan_message
from shared.model.message import EVENTS_QUEUE, QUEUE
from shared.state import audit, documents, history, intents, kept, leases, memory
from tests.infra.bicep import Template

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
# Read by the platform, not by us; source: Microsoft Learn, "App settings reference for Azure Functions".
PLATFORM = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AzureWebJobsStorage__credential",
    "AzureWebJobs.cluster_events_queued.Disabled",
    "AzureWebJobs.notifications.Disabled",
}
# Read by us, and nothing that a deployment gives: a connection string; the platform's own variables; a collector that
# somebody runs beside Application Insights; where the command line finds the API, and how wide it writes.
LOCAL = {
    "AzureWebJobsStorage",
    "IDENTITY_ENDPOINT",
    "WEBSITE_AUTH_ENABLED",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "MUSTER_PAGE_TOKEN",
    "WEBSITE_INSTANCE_ID",
}
LOCAL |= {"MUSTER_API_URL", "MUSTER_API_KEY", "MUSTER_API_AUDIENCE", "COLUMNS"}
# Built-in roles; source: Microsoft Learn, "Azure built-in roles".
BUILT_IN = {
    "eventGridDataSender": "d5a91429-5739-47e2-a06b-3470a27159e7",
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageBlobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "storageBlobDataReader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageQueueDataMessageSender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
}
AZD = {
    "type": "object",
    "required": ["name", "services"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 2, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
        "metadata": {"type": "object", "properties": {"template": {"type": "string"}}},
        "infra": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"provider": {"const": "bicep"}, "path": {"type": "string"}, "module": {"type": "string"}},
        },
        "services": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["host", "project", "language"],
                "additionalProperties": False,
                "properties": {
                    "host": {"const": "function"},
                    "project": {"type": "string"},
                    "language": {"const": "py"},
                },
            },
        },
        "hooks": {
            "type": "object",
            "propertyNames": {"pattern": "^(pre|post)(provision|deploy|up|down|package|restore)$"},
            "additionalProperties": {
                "type": "object",
                "required": ["shell", "run"],
                "additionalProperties": False,
                "properties": {"shell": {"enum": ["sh", "pwsh"]}, "run": {"type": "string"}},
            },
        },
    },
}


def template(name):
    return Template.read(INFRA / name)


def settings_read():
    """Every application setting that the product's own source asks the environment for."""
    source = "".join(file.read_text() for part in ("shared", "functions") for file in (ROOT / part).rglob("*.py"))
    return set(re.findall(r'(?:given\.get|environ\.get|getenv)\(\s*"([A-Za-z_]+)"', source))


def settings_written(source):
    parsed = Template(INFRA / "modules" / "app.bicep", source).resources["settings"]["config"]["properties"]
    return {name.strip("'") for name in parsed}


def test_the_settings_are_those_that_are_read():
    """A setting that nobody reads, or one that is read and not written, is found on either side."""
    written = settings_written((INFRA / "modules" / "app.bicep").read_text())

    assert written - PLATFORM - settings_read() == set()
    assert settings_read() - written - LOCAL == set()
    assert written >= PLATFORM


def test_a_setting_too_many_and_one_too_few_are_found():
    """The comparison sees both."""
    source = (INFRA / "modules" / "app.bicep").read_text()
    more = settings_written(source.replace("    MUSTER_MODE: mode\n", "    MUSTER_MODE: mode\n    MUSTER_MOOD: mode\n"))
    fewer = settings_written(source.replace("    MUSTER_MODE: mode\n", ""))

    assert more - PLATFORM - settings_read() == {"MUSTER_MOOD"}
    assert settings_read() - fewer - LOCAL == {"MUSTER_MODE"}


def test_no_setting_holds_a_secret():
    """Identity everywhere: no key, no connection string but the one of Application Insights, which holds none."""
    source = (INFRA / "modules" / "app.bicep").read_text()

    assert not re.search(r"listKeys|AccountKey|@secure|password", source, re.IGNORECASE)
    assert [file.name for file in INFRA.rglob("*.bicep") if "listKeys(" in file.read_text()] == []


def test_storage_holds_what_the_product_uses():
    """Containers, queues and tables by the names in the product."""
    made = template("modules/storage.bicep").variables

    assert set(made["tables"]) == {memory.TABLE, intents.TABLE, history.TABLE, kept.TABLE}
    assert set(made["queues"]) == {
        queue for name in (QUEUE, EVENTS_QUEUE, notice.QUEUE, plan_message.QUEUE) for queue in (name, f"{name}-poison")
    }
    assert {leases.CONTAINER, documents.CONTAINER, intents.CONTAINER} <= set(made["containers"])


def test_the_audit_takes_appends_alone():
    """The container that the product writes to has a policy under which blocks are appended, and nothing is changed."""
    made = template("modules/storage.bicep").resources
    container, policy = made["audit"]["config"], made["auditStays"]["config"]

    assert container["name"] == audit.CONTAINER
    assert policy["parent"] == "audit" or "audit" in str(policy["parent"])
    assert policy["properties"]["allowProtectedAppendWrites"] is True
    assert policy["properties"]["immutabilityPeriodSinceCreationInDays"]


def test_the_filters_let_through_what_the_function_looks_at():
    """Types and operations, no more: Event Grid drops the rest for nothing."""
    properties = template("modules/event-subscription.bicep").resources["events"]["config"]["properties"]
    filters = properties["filter"]
    operations, subjects = filters["advancedFilters"]

    assert {each.lower() for each in filters["includedEventTypes"]} == event.TYPES
    assert {each.lower() for each in operations["values"]} == event.OPERATIONS
    assert len(operations["values"]) + len(subjects["values"]) <= 25


def role_variables():
    return {
        (file.name, name): value
        for file in INFRA.rglob("*.bicep")
        for name, value in Template.read(file).variables.items()
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f-]{36}", value)
    }


def test_built_in_roles_have_their_ids():
    """A wrong digit would be somebody else's role."""
    found = role_variables()

    assert {(name, value) for (_, name), value in found.items()} == set(BUILT_IN.items())


@pytest.mark.parametrize(("name", "query"), [("clusters", kql.clusters), ("extensions", kql.extensions)])
def test_the_workbook_asks_what_the_product_asks(name, query):
    """The same query, to the letter; after a change: write `kql.<name>()` into infra/queries/<name>.kql."""
    assert (INFRA / "queries" / f"{name}.kql").read_text() == query() + "\n"


def logged():
    source = "".join(file.read_text() for part in ("shared", "functions") for file in (ROOT / part).rglob("*.py"))
    return set(re.findall(r'logs\.event\(\s*"([a-z-]+)"', source))


def told_by_the_sweep():
    source = (ROOT / "shared" / "fleet" / "sweep.py").read_text()
    line = source[source.index('"sweep",') :]
    return set(re.findall(r"^\s+(\w+)=", line[: line.index("\n        )")], re.MULTILINE))


def test_alerts_and_workbook_read_lines_that_are_written():
    """Every event and every field of a sweep that a query speaks of is one that the product logs."""
    queries = [rule["query"] for rule in template("modules/alerts.bicep").variables["rules"]]
    queries += [(INFRA / "queries" / f"{name}.kql").read_text() for name in ("sweeps", "decisions")]
    events = {
        name for query in queries for part in re.findall(r"event\)? (?:==|in) (.*)", query) for name in _quoted(part)
    }
    sweeps = [query for query in queries if '"sweep"' in query]

    assert events <= logged()
    assert {field for query in sweeps for field in re.findall(r"line\.(\w+)", query)} - {"event"} <= told_by_the_sweep()


def _quoted(text):
    return re.findall(r'"([a-z-]+)"', text)


def test_an_alert_on_a_line_that_nobody_writes_is_found():
    """The comparison is by name."""
    assert "poisened" not in logged()
    assert "poisoned" in logged()
    assert "compliantt" not in told_by_the_sweep()


def azd():
    return YAML(typ="safe").load((ROOT / "azure.yaml").read_text())


def test_azd_understands_its_file():
    """Names, hosts and hooks as azd's schema has them; the hook can be run; the service is the app's tag."""
    document = azd()
    jsonschema.validate(document, AZD)

    [service] = document["services"]
    assert f"'azd-service-name': '{service}'" in (INFRA / "main.bicep").read_text()
    for hook in document["hooks"].values():
        assert (ROOT / hook["run"]).stat().st_mode & stat.S_IXUSR
    assert (ROOT / document["infra"]["path"] / f"{document['infra']['module']}.bicep").is_file()


@pytest.mark.parametrize("change", [{"name": "Muster App"}, {"hooks": {"afterdeploy": {}}}, {"services": {"m": {}}}])
def test_a_file_that_azd_would_refuse_is_found(change):
    """Each of these the schema refuses."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(azd() | change, AZD)


def test_parameters_from_the_environment_are_parameters():
    """main.bicepparam gives what main.bicep takes, and everything that it must be given."""
    parameters = template("main.bicep").parameters
    given = re.findall(r"^param (\w+) =", (INFRA / "main.bicepparam").read_text(), re.MULTILINE)

    assert set(given) <= set(parameters)
    assert {name for name, each in parameters.items() if each["default"] is None} <= set(given)


def test_the_hook_passes_what_the_event_template_takes():
    """Parameters of events.bicep by name, and outputs of main.bicep as the environment."""
    script = (INFRA / "hooks" / "subscribe.sh").read_text()
    passed = set(re.findall(r'"(\w+)=', script))

    assert passed == set(template("events.bicep").parameters)
    wanted = set(re.findall(r"\$\{?(MUSTER_[A-Z_]+|AZURE_[A-Z_]+)", script)) - {"AZURE_ENV_NAME"}
    assert wanted <= set(template("main.bicep").outputs)


def test_the_app_roles_are_the_two_of_the_api():
    """Names as in the interface; ids of their own."""
    roles = json.loads((INFRA / "hooks" / "app-roles.json").read_text())

    assert [each["value"] for each in roles] == ["Fleet.Reader", "Fleet.Operator"]
    assert len({each["id"] for each in roles}) == 2


def test_only_event_grid_health_and_the_page_go_without_a_token():
    """The paths that App Service authentication lets through; the page sends whoever is not signed in to do so."""
    site = template("modules/app.bicep").resources["authentication"]["config"]["config"]["properties"]
    excluded = {path.lower() for path in site["globalValidation"]["excludedPaths"]}

    assert excluded == {"/runtime/webhooks/eventgrid", "/api/health", "/api/ui"}
    assert site["globalValidation"]["requireAuthentication"] is True


def test_the_policy_cannot_be_written_by_muster():
    """The account of the policy grants the identity reading, and the account that it may write holds no policy."""
    policy = template("modules/policy-store.bicep")

    assert set(policy.variables.values()) == {BUILT_IN["storageBlobDataReader"]}
    assert "policy" not in template("modules/storage.bicep").variables["containers"]


def test_the_default_role_is_the_one_that_the_shipped_policy_needs():
    """Looks into clusters and registrations are granted where policy.yaml asks for them, and nowhere else."""
    policy = YAML(typ="safe").load((ROOT / "policy.yaml").read_text())
    granted = template("main.bicep").parameters["capabilities"]["default"]

    assert granted["verification"] is (policy["verification"].get("aks", "none") != "none")
    assert granted["registration"] is bool((policy.get("preflight") or {}).get("registerProviders", False))
    for name, value in granted.items():
        switch = rf"{name}: bool\(readEnvironmentVariable\('MUSTER_ROLE_{name.upper()}', '{str(value).lower()}'\)\)"
        assert re.search(switch, (INFRA / "main.bicepparam").read_text())


def test_the_roles_of_both_scopes_are_the_same():
    """A management group gets what a subscription gets: the two files differ in their scope alone."""
    one, other = ((INFRA / name).read_text() for name in ("roles.bicep", "roles-management-group.bicep"))
    body = one[one.index("targetScope") :]
    for own, theirs in (
        ("'subscription'", "'managementGroup'"),
        ("subscription().subscriptionId", "managementGroup().name"),
        ("subscription()", "managementGroup()"),
    ):
        body = body.replace(own, theirs)

    assert other[other.index("targetScope") :] == body
