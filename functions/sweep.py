"""timer -> compliance sweep."""

import azure.functions as func

from functions.failing import failure_told
from shared import logs, telemetry
from shared.config import sweep_schedule

blueprint = func.Blueprint()


@blueprint.function_name("sweep")
@blueprint.timer_trigger(
    arg_name="timer",
    schedule=sweep_schedule(),
    run_on_startup=False,
    use_monitor=True,
)
async def sweep(timer: func.TimerRequest) -> None:
    """Re-verify the whole fleet and ask for what needs a step."""
    from shared.composition import house

    if timer.past_due:
        telemetry.add("muster.sweeps.late")
        logs.event("sweep-past-due")
    with failure_told("sweep"), telemetry.span("sweep"):
        await (await house()).sweep.run()
