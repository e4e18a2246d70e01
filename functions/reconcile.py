"""queue -> one step on one cluster; poison queue -> the cluster is Unknown until a sweep asks again."""

import logging

import azure.functions as func

from functions.failing import failure_told
from shared import logs, telemetry
from shared.errors import InputError
from shared.model.message import POISON_QUEUE, QUEUE, decode, from_wire
from shared.model.request import Request

blueprint = func.Blueprint()


@blueprint.function_name("reconcile")
@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def reconcile(message: func.QueueMessage) -> None:
    """Look at the cluster that a message names, and take at most one step."""
    request = _request(message)
    if request is None:
        return
    from shared.composition import house

    with failure_told("reconcile"):
        reconciler = (await house()).reconciler
        asked = request.due or request.requested_at
        telemetry.record("muster.queue.age", max(0.0, (reconciler.clock() - asked).total_seconds()), "s")
        with telemetry.span(
            "reconcile", request.traceparent, cluster=str(request.cluster), asked=request.reason.value
        ) as told:
            decision = await reconciler.step(request)
            if decision is not None:
                told.say(action=decision.action.value, condition=decision.state.condition.value)
                told.say(hold=decision.state.hold.code.value if decision.state.hold else None)


@blueprint.function_name("reconcile_poison")
@blueprint.queue_trigger(arg_name="message", queue_name=POISON_QUEUE, connection="AzureWebJobsStorage")
async def reconcile_poison(message: func.QueueMessage) -> None:
    """Record the cluster of a message that failed every time."""
    request = _request(message)
    if request is None:
        return
    from shared.composition import house

    with failure_told("reconcile_poison"):
        await (await house()).reconciler.poisoned(request)


def _request(message: func.QueueMessage) -> Request | None:
    try:
        return decode(from_wire(message.get_body()))
    except InputError as error:
        # No retry can mend it, and a poison message would only come back here.
        logs.count("messages-malformed")
        logs.event("message-malformed", level=logging.WARNING, id=message.id, reason=error.message)
        return None
