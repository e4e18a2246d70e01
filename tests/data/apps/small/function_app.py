"""A small app with one function of each kind, for the tests of devhost.

What its functions saw goes to the queue `seen`, from which the tests read it.
"""

import asyncio
import json
import logging
import os
import typing

import azure.functions as func

logger = logging.getLogger("small")
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.function_name("on_event")
@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="seen", queue_name="seen", connection="AzureWebJobsStorage")
def on_event(event: func.EventGridEvent, seen: func.Out[str]) -> None:
    """Tell which class arrived; fail for an event whose data says so."""
    data = event.get_json()
    if data.get("fail"):
        raise ValueError(f"told to fail by event {event.id}")
    kind = type(event).__name__
    when = getattr(event, "time", None) or getattr(event, "event_time", None)
    seen.set(json.dumps({"event": event.id, "class": kind, "time": when.isoformat(), "data": data}))


@app.function_name("work")
@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="seen", queue_name="seen", connection="AzureWebJobsStorage")
async def work(message: func.QueueMessage, seen: func.Out[typing.List[str]]) -> None:  # noqa: UP006  list[str] is refused by the worker
    """Do what the message says: nothing, fail, or take its time."""
    body = message.get_body().decode()
    logger.info(json.dumps({"event": "work", "body": body}))
    order = json.loads(body)
    if order.get("fail"):
        raise RuntimeError("told to fail")
    await asyncio.sleep(order.get("seconds", 0))
    if message.dequeue_count == 1:
        await asyncio.sleep(order.get("seconds_at_first", 0))
    inserted = message.insertion_time.isoformat()
    facts = {"id": message.id, "tries": message.dequeue_count, "inserted": inserted, "order": order}
    seen.set([json.dumps(facts)] * order.get("copies", 1))


@app.function_name("work_poison")
@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%-poison", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="$return", queue_name="seen", connection="AzureWebJobsStorage")
def work_poison(message: func.QueueMessage) -> str:
    """Report what was given up."""
    return json.dumps({"poison": json.loads(message.get_body())})


@app.function_name("tick")
@app.timer_trigger(arg_name="timer", schedule="%TICK_SCHEDULE%", run_on_startup=False)
@app.queue_output(arg_name="seen", queue_name="seen", connection="AzureWebJobsStorage")
def tick(timer: func.TimerRequest, seen: func.Out[str]) -> None:
    """Tell what the timer said."""
    seen.set(json.dumps({"tick": timer.schedule_status, "past_due": timer.past_due}))


@app.function_name("item")
@app.route(route="items/{key}", methods=["GET", "PUT"])
async def item(req: func.HttpRequest) -> func.HttpResponse:
    """Echo the request; fail for the key `broken`."""
    if req.route_params["key"] == "broken":
        raise ValueError("told to fail")
    facts = {
        "method": req.method,
        "key": req.route_params["key"],
        "params": dict(req.params),
        "body": req.get_body().decode(),
        "header": req.headers.get("X-Custom"),
    }
    headers = {"X-Answer": "yes", "Set-Cookie": "a=b; Path=/; HttpOnly"}
    return func.HttpResponse(json.dumps(facts), status_code=201, headers=headers, mimetype="application/json")


@app.function_name("hello")
@app.route(route="hello", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def hello(req: func.HttpRequest) -> str:  # noqa: ARG001  the trigger needs its parameter
    """Answer with a plain string and a setting."""
    return f"hello {os.environ['GREETED']}"
