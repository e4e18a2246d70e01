"""An older version of the product at work, in a process of its own: a sweep, the looks it asks for, one more sweep.

Run with that version's `shared` first on the path and the settings of a function app in the environment. It prints, as
JSON, what it made of the storage that a newer version left.
"""

import asyncio
import json
import sys

from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from shared import logs
from shared.composition import House, opened
from shared.config import Settings
from shared.model.message import QUEUE, decode


async def _asked(house: House, queue: QueueClient) -> dict[str, str]:
    """Serve what waits in the queue; the action that each look decided on."""
    decided = {}
    async for message in queue.receive_messages(messages_per_page=32):
        request = decode(message.content)
        await queue.delete_message(message)
        decision = await house.reconciler.step(request)
        decided[request.cluster.name] = decision.action.value if decision else "-"
    return decided


async def work() -> None:
    """Do it, and print it."""
    settings = Settings.read()
    connection = settings.storage_connection
    queue = QueueClient.from_connection_string(connection, QUEUE, message_decode_policy=TextBase64DecodePolicy())
    async with opened(settings) as house, queue:
        waiting = await _asked(house, queue)
        await house.sweep.run()
        asked = await _asked(house, queue)
        await house.sweep.run()
        rows = {row.cluster.name: row.memory async for row in house.table.all()}
        told = {
            "waiting": waiting,
            "asked": asked,
            "conditions": {name: memory.state.condition.value for name, memory in rows.items() if memory.state},
            "attempts": {name: memory.attempts for name, memory in rows.items() if memory.attempts},
            "words": {word.cluster.name: word.word.value for word in (await house.intents.all()).values()},
            "pauses": [word.subject for word in await house.intents.fleet()],
            "unreadable": sorted(name for name, count in logs.counts().items() if count and "unreadable" in name),
        }
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    asyncio.run(work())
