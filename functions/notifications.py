"""outbox -> Event Grid topic: each notice is taken from its queue only when the topic has accepted it."""

import logging

import azure.functions as func

from functions.failing import failure_told
from shared import logs
from shared.errors import AzureError, RequestError
from shared.model.message import from_wire
from shared.model.notice import QUEUE, decode

blueprint = func.Blueprint()


@blueprint.function_name("notifications")
@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def notifications(message: func.QueueMessage) -> None:
    """Publish one notice; one that is not accepted goes back, for as long as it takes."""
    try:
        notice = decode(from_wire(message.get_body()))
    except RequestError as error:
        logs.count("messages-malformed")
        logs.event("message-malformed", level=logging.WARNING, id=message.id, reason=error.message)
        return
    from shared.composition import house

    with failure_told("notifications"):
        opened = await house()
        try:
            await opened.topic.publish(notice)
        except AzureError as error:
            pause = await opened.outbox.put_back(notice)
            logs.count("notices-put-back")
            logs.event(
                "notice-put-back", kind=notice.kind.value, reason=error.message, seconds=round(pause.total_seconds())
            )
        else:
            logs.count("notices-published")
            logs.event("notice-published", kind=notice.kind.value, subject=notice.subject, id=notice.id)
