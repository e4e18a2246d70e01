# ruff: noqa: INP001  a function app's folder is no package
"""The least app that Event Grid can call: what a cold start costs before anything of ours."""

import azure.functions as func

app = func.FunctionApp()


@app.function_name("nothing")
@app.event_grid_trigger(arg_name="event")
async def nothing(event: func.EventGridEvent) -> None:
    """Take an event and do nothing."""
    del event
