"""`python -m bench.page_child`: pages of the fleet in a process of its own, one for each line on stdin, in JSON.

A line is the name of a page. What is told of it is the CPU of the whole process from the first read of storage to the
finished text, and the text's size.
"""

import asyncio
import json
import logging
import sys
import time
from typing import Any

from bench.sweep_child import warm
from functions.page_views import list_of, map_of, overview_of
from shared.composition import House, opened
from shared.config import Settings
from shared.report.rendering import render


async def page(house: House, name: str) -> dict[str, Any]:
    """One page: its size in bytes, and the CPU seconds that it took."""
    used = time.process_time()
    match name:
        case "overview":
            view = await overview_of(house)
        case "clusters":
            view = await list_of(house, {})
        case _:
            view = await map_of(house, "subscription")
    frame = {"root": "/api/ui", "here": name, "who": "bench", "form": "f" * 43, "done": ""}
    text = render(name if name in {"overview", "clusters"} else "map", **frame, **view)
    return {"cpu": time.process_time() - used, "bytes": len(text.encode())}


async def _run() -> None:
    async with opened(Settings.read()) as house:
        await warm(house)
        print("warm", flush=True)
        while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
            print(json.dumps(await page(house, name)), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(_run())
