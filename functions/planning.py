"""queue -> a plan is made; its document says how that went."""

import logging

import azure.functions as func

from functions.failing import failure_told
from shared import logs
from shared.errors import RequestError
from shared.model.message import from_wire
from shared.model.plan_message import QUEUE, decode

blueprint = func.Blueprint()


@blueprint.function_name("planning")
@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def planning(message: func.QueueMessage) -> None:
    """Make the plan that a message asks for. Nothing but its document is written."""
    try:
        plan = decode(from_wire(message.get_body()))
    except RequestError as error:
        logs.count("messages-malformed")
        logs.event("message-malformed", level=logging.WARNING, id=message.id, reason=error.message)
        return
    from shared.composition import house

    with failure_told("planning"):
        await (await house()).planner.make(plan)
