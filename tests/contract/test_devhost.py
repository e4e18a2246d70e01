"""devhost with a small app on Azurite: every kind of function through the official worker library."""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from devhost.stack import ChildError, Stack

DATA = Path(__file__).parents[1] / "data"
SMALL = DATA / "apps" / "small"
SETTINGS = {"WORK_QUEUE": "work", "TICK_SCHEDULE": "0 0 0 1 1 *", "GREETED": "you"}
LEASE = 2
PATIENCE = 60.0


def until(condition, what: str):
    """Poll until the condition gives something; fail with what was waited for."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE:.0f} s for {what}")


class World:
    """The stack as the tests see it: HTTP, the queue of work, and what the functions reported."""

    def __init__(self, stack: Stack, session: requests.Session, queues: QueueServiceClient) -> None:
        self.stack = stack
        self.session = session
        self.queues = queues
        self.reports: list[dict] = []

    def call(self, method: str, path: str, *, key: bool = True, host: int = 0, **options):
        headers = options.pop("headers", {})
        if key:
            headers["x-functions-key"] = self.stack.key
        return self.session.request(method, self.stack.host_urls[host] + path, headers=headers, **options)

    def deliver(self, body, **options):
        headers = {"aeg-event-type": "Notification"} | options.pop("headers", {})
        data = body if isinstance(body, bytes) else json.dumps(body)
        path = "/runtime/webhooks/EventGrid?functionName=on_event"
        return self.call("POST", path, data=data, headers=headers, **options)

    def queue(self, name: str):
        return self.queues.get_queue_client(
            name, message_encode_policy=TextBase64EncodePolicy(), message_decode_policy=TextBase64DecodePolicy()
        )

    def order(self, **order) -> str:
        """Send an order to the function `work`; gives its mark."""
        mark, delay = str(uuid.uuid4()), order.pop("delay", None)
        self.queue("work").send_message(json.dumps({"mark": mark, **order}), visibility_timeout=delay)
        return mark

    def seen(self, condition, what: str, count: int = 1) -> list[dict]:
        """Wait until the functions have reported that often what fulfils the condition."""

        def look():
            try:
                for message in self.queue("seen").receive_messages():
                    self.reports.append(json.loads(message.content))
                    self.queue("seen").delete_message(message)
            except ResourceNotFoundError:
                return None
            found = [report for report in self.reports if condition(report)]
            return found if len(found) >= count else None

        return until(look, what)

    def worked(self, mark: str, count: int = 1) -> list[dict]:
        return self.seen(lambda report: report.get("order", {}).get("mark") == mark, f"order {mark}", count)

    def counts(self, function: str, host: int = 0) -> dict:
        return self.call("GET", "/admin/devhost/invocations", host=host).json()["functions"][function]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    stack = Stack.start(folder, settings=SETTINGS, queue_lease=LEASE, app=SMALL, simulator=False)
    service = QueueServiceClient.from_connection_string(stack.storage_connection_string)
    with stack, requests.Session() as session, service as queues:
        yield World(stack, session, queues)


def event(**data) -> dict:
    return {
        "id": str(uuid.uuid4()),
        "topic": "/subscriptions/11111111-1111-1111-1111-111111111111",
        "subject": "/subscriptions/11111111-1111-1111-1111-111111111111/x",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-08-20T10:00:00.1234567Z",
        "dataVersion": "1",
        "data": data,
    }


def cloud_event(**data) -> dict:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/subscriptions/11111111-1111-1111-1111-111111111111",
        "type": "Microsoft.Resources.ResourceWriteSuccess",
        "time": "2026-08-20T10:00:00.1234567Z",
        "data": data,
    }


def test_both_event_schemas_reach_the_function(world):
    """An array in the Event Grid schema and a single CloudEvent are accepted and arrive in their own classes."""
    classic, cloud = event(n=1), cloud_event(n=2)

    assert (world.deliver([classic]).status_code, world.deliver(cloud).status_code) == (202, 202)

    ids = {classic["id"]: "EventGridEvent", cloud["id"]: "CloudEvent"}
    reports = world.seen(lambda report: report.get("event") in ids, "both events", 2)
    assert ids == {report["event"]: report["class"] for report in reports}
    assert all(report["time"].startswith("2026-08-20T10:00:00.123456") for report in reports)


def test_one_failing_event_fails_the_array_though_the_others_run(world):
    """The answer is 500 for the whole array; the good events have run all the same, and the failure is counted."""
    good, bad = event(), event(fail=True)
    before = world.counts("on_event")["failed"]

    assert world.deliver([good, bad]).status_code == 500

    world.seen(lambda report: report.get("event") == good["id"], "the good event")
    after = world.counts("on_event")
    assert after["failed"] == before + 1
    assert after["lastError"] == f"ValueError: told to fail by event {bad['id']}"


def test_malformed_deliveries_run_nothing(world):
    """A body that holds no events is answered 400 without an invocation."""
    before = world.counts("on_event")["started"]

    assert [world.deliver(body).status_code for body in (b"{", b"[1]", b'"x"')] == [400, 400, 400]

    assert before == world.counts("on_event")["started"]


def test_the_webhook_shakes_hands(world):
    """The validation code is sent back, and the CloudEvents origin allowed; in any letter case of the path."""
    body = (DATA / "apps" / "eg_validation.json").read_bytes()
    path = "/Runtime/Webhooks/EVENTGRID?functionName=On_Event"

    answer = world.call("POST", path, data=body, headers={"aeg-event-type": "SubscriptionValidation"})
    origin = world.call("OPTIONS", path, headers={"WebHook-Request-Origin": "eventgrid.azure.net"})

    assert answer.json() == {"validationResponse": json.loads(body)[0]["data"]["validationCode"]}
    assert (origin.status_code, origin.headers["WebHook-Allowed-Origin"]) == (200, "eventgrid.azure.net")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/runtime/webhooks/EventGrid?functionName=on_event"),
        ("OPTIONS", "/runtime/webhooks/EventGrid?functionName=on_event"),
        ("GET", "/api/items/a"),
        ("POST", "/admin/functions/tick"),
        ("GET", "/admin/host/status"),
        ("GET", "/admin/devhost/invocations"),
    ],
)
def test_keys_are_asked_for(world, method, path):
    """Without the key, or with a wrong one, nothing but anonymous routes is served; `code` is as good as the header."""
    joint = "&" if "?" in path else "?"

    assert world.call(method, path, key=False).status_code == 401
    assert world.call(method, path, key=False, headers={"x-functions-key": "wrong"}).status_code == 401
    assert world.call(method, f"{path}{joint}code={world.stack.key}", key=False).status_code != 401


def test_anonymous_routes_need_no_key(world):
    """An anonymous function answers without a key; a returned string is the body; settings reach the app."""
    answer = world.call("GET", "/api/hello", key=False)

    assert (answer.status_code, answer.text) == (200, "hello you")


def test_http_requests_and_responses_arrive_whole(world):
    """Route values, query, body and headers reach the function; status, headers, cookies and body come back."""
    answer = world.call("PUT", "/API/items/a%2Fb?x=1&x=2", data="ü".encode(), headers={"x-custom": "q"})

    assert answer.status_code == 201
    assert answer.json() == {"method": "PUT", "key": "a/b", "params": {"x": "1,2"}, "body": "ü", "header": "q"}
    assert (answer.headers["Content-Type"], answer.headers["X-Answer"]) == ("application/json", "yes")
    assert answer.cookies["a"] == "b"


def test_http_refusals(world):
    """An unknown path is 404, a wrong method 405 with those allowed, a function that raises 500 without a body."""
    wrong = world.call("DELETE", "/api/items/a")
    broken = world.call("GET", "/api/items/broken")

    assert [world.call("GET", path).status_code for path in ("/api/none", "/items/a", "/")] == [404, 404, 404]
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET, PUT")
    assert (broken.status_code, broken.content) == (500, b"")


def test_a_timer_runs_by_hand(world):
    """The admin route starts a timer function now: 202 at once, or its outcome with wait=true."""
    before = world.counts("tick")["succeeded"]

    assert world.call("POST", "/admin/functions/tick", data='{"input": ""}').status_code == 202
    answer = world.call("POST", "/admin/functions/tick?wait=true", data='{"input": ""}')

    assert (answer.status_code, answer.json()["succeeded"]) == (200, True)
    reports = world.seen(lambda report: "tick" in report, "two ticks", 2)
    assert reports[0]["tick"]["Next"].endswith("-01-01T00:00:00+00:00")
    assert reports[0]["past_due"] is False
    assert before + 2 == world.counts("tick")["succeeded"]


def test_queue_messages_are_worked_and_lists_become_messages(world):
    """A message reaches the function with its metadata; a list output becomes one message per item."""
    mark = world.order(copies=3)

    reports = world.worked(mark, 3)

    assert len(reports) == 3
    assert reports[0]["tries"] == 1
    assert reports[0]["inserted"].endswith("+00:00")


def test_a_failing_message_is_tried_again_and_ends_in_the_poison_queue(world):
    """After maxDequeueCount tries the same body goes to the poison queue, whose own function gets it."""
    before = world.counts("work")
    mark = world.order(fail=True)

    poison = world.seen(lambda report: report.get("poison", {}).get("mark") == mark, "the poison message")

    after = world.counts("work")
    assert poison[0]["poison"] == {"mark": mark, "fail": True}
    assert (after["failed"] - before["failed"], after["poisoned"] - before["poisoned"]) == (2, 1)


def test_a_message_that_is_not_base64_goes_to_the_poison_queue(world):
    """A body in the wrong encoding reaches no function and does not stop the queue."""
    before = world.counts("work")["poisoned"]
    world.queues.get_queue_client("work").send_message("not base64!")

    until(lambda: world.counts("work")["poisoned"] == before + 1, "the undecodable message")
    world.worked(world.order())


def test_a_delayed_message_waits(world):
    """A message sent with a visibility time-out is worked after it, later messages before it."""
    sent = time.monotonic()
    delayed, prompt = world.order(delay=3), world.order()

    world.worked(prompt)
    assert not [report for report in world.reports if report.get("order", {}).get("mark") == delayed]
    world.worked(delayed)

    assert time.monotonic() - sent > 2.5


def test_a_running_message_keeps_its_lease(world):
    """A function that runs longer than the lease has its message to itself: one try, one report."""
    before = world.counts("work")["started"]
    mark = world.order(seconds=2.5 * LEASE)

    reports = world.worked(mark)

    assert reports[0]["tries"] == 1
    until(lambda: not world.queue("work").peek_messages(), "an empty queue")
    assert world.counts("work")["started"] == before + 1


def test_the_message_of_a_killed_host_comes_back(world):
    """When the host dies in the middle, the message is worked again after the lease, with a higher count."""
    mark = world.order(seconds_at_first=120)
    until(lambda: world.counts("work")["running"], "the message to be under way")

    world.stack.kill_host(0)
    world.stack.restart_host(0)

    assert world.worked(mark)[0]["tries"] == 2


def test_a_clean_stop_lets_running_invocations_end(world):
    """On SIGTERM the running message is finished and deleted, and the exit code is 0."""
    mark = world.order(seconds=1.5)
    until(lambda: world.counts("work")["running"], "the message to be under way")

    assert world.stack.stop_host(0) == 0

    assert world.worked(mark)[0]["tries"] == 1
    assert world.queue("work").get_queue_properties().approximate_message_count == 0
    world.stack.restart_host(0)


def test_a_schedule_fires(world):
    """A timer runs by its schedule, which comes from a setting."""
    world.stack.restart_host(0, {"TICK_SCHEDULE": "* * * * * *"})

    until(lambda: world.counts("tick")["succeeded"] >= 2, "two scheduled runs")

    world.stack.restart_host(0, SETTINGS)


def test_the_apps_json_log_lines_are_left_alone(world):
    """A JSON line of the app is in the log as it was written, a failure names its function."""
    world.worked(world.order(fail=False))

    lines = world.stack.logs()["host-0"].read_text().splitlines()
    assert any(line.startswith('{"event": "work"') and json.loads(line)["body"] for line in lines)
    assert any("function item failed" in line and "told to fail" in line for line in lines)


def run_devhost(app: Path, **settings) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AzureWebJobs")}
    return subprocess.run(  # noqa: S603  our own interpreter and module
        [sys.executable, "-m", "devhost", "--port", "0", "--json", "--app", str(app)],
        env=environment | settings,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


BROKEN_APP = """
import azure.functions as func
app = func.FunctionApp()

@app.function_name("broken")
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
@app.queue_output(arg_name="out", queue_name="q", connection="AzureWebJobsStorage")
def broken(timer: func.TimerRequest, out: func.Out[list[str]]) -> None: ...
"""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (BROKEN_APP, ["does not index", "broken"]),
        ("import no_such_module", ["does not index", "no_such_module", "function_app.py", "line 1"]),
        ("", ["does not index"]),
    ],
)
def test_an_app_that_does_not_index_is_told_in_one_message(tmp_path, source, words):
    """The exit code is 1 and the message names function and cause, without a traceback."""
    (tmp_path / "function_app.py").write_text(source)

    ended = run_devhost(tmp_path)

    told = [line for line in ended.stderr.splitlines() if line.startswith("devhost: ")]
    assert (ended.returncode, len(told), "Traceback" in ended.stderr) == (1, 1, False)
    assert all(word in told[0] for word in words)


def test_a_missing_setting_is_told_with_its_function():
    """An unset connection stops the start, naming the setting and the function that needs it."""
    ended = run_devhost(SMALL)

    assert ended.returncode == 1
    assert "devhost: function on_event: the application setting AzureWebJobsStorage is missing" in ended.stderr


def test_a_stack_that_cannot_start_leaves_nothing_behind(tmp_path):
    """A host that ends during the start raises with its last words, and what was started is stopped."""
    with pytest.raises(ChildError, match=r"host-0 ended .*\n.*application setting WORK_QUEUE .* is missing") as raised:
        Stack.start(tmp_path, settings={}, app=SMALL, simulator=False)

    assert "Traceback" not in str(raised.value)
    # Azurite answered, or the host would not have been started; now nobody names the folder's log any more.
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if writes_to(pid, tmp_path / "azurite.log")]


def writes_to(process: Path, log: Path) -> bool:
    try:
        return os.path.realpath(process / "fd" / "1") == str(log)
    except OSError:
        return False


def test_two_hosts_share_the_queue_and_one_holds_the_timers(tmp_path):
    """Each message is worked once whichever host takes it; only the first host runs the schedule."""
    settings = SETTINGS | {"TICK_SCHEDULE": "* * * * * *"}
    stack = Stack.start(tmp_path, settings=settings, app=SMALL, simulator=False, hosts=2)
    service = QueueServiceClient.from_connection_string(stack.storage_connection_string)
    with stack, requests.Session() as session, service as queues:
        world = World(stack, session, queues)
        marks = [world.order(seconds=0.5) for _ in range(12)]

        for mark in marks:
            assert len(world.worked(mark)) == 1
        until(lambda: world.counts("tick")["succeeded"] >= 1, "a scheduled run")

        assert sum(world.counts("work", host=host)["succeeded"] for host in (0, 1)) == len(marks)
        assert world.counts("tick", host=1)["started"] == 0


def test_dead_storage_is_said_once_and_tried_on(tmp_path):
    """Without storage the host serves HTTP, logs one line, and still stops cleanly."""
    stack = Stack.start(tmp_path, settings=SETTINGS, app=SMALL, simulator=False, hosts=1)
    with stack:
        stack.kill_storage()
        log = stack.logs()["host-0"]
        until(lambda: "storage does not answer" in log.read_text(), "the line about storage")
        stack.restart_host(0)
        until(lambda: log.read_text().count("storage does not answer") == 2, "the line of the second start")

        answer = requests.get(f"{stack.host_urls[0]}/api/hello", timeout=PATIENCE)

        assert answer.status_code == 200
        assert stack.stop_host(0) == 0
    assert log.read_text().count("storage does not answer") == 2
