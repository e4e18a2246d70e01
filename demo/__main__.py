"""`python -m demo [--keep]`: the main job, end to end; leaves with 0 when everything held.

Progress goes to stderr, the result to stdout. `--keep` leaves the stack running, with its addresses
printed, until Ctrl-C. Whatever was started is stopped in every case.
"""

import argparse
import contextlib
import json
import shlex
import shutil
import signal
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType

from demo import cast, checks, table
from demo.muster_api import Muster
from demo.policy import write_policy
from demo.stage import Stage, StepFailed, exports
from demo.story import play
from devhost.stack import ChildError, Stack
from simulator.control import Control, ControlError

WHOLE_RUN = 170  # seconds; then the run has failed
_NEVER = "0 0 0 1 1 *"
_EACH_MINUTE = "0 * * * * *"
_TAIL = 25
_LONGEST = 700
_LOGS = 3  # of so many failing clusters at most the log is shown


class OutOfTime(Exception):
    """The whole run took too long."""


def main() -> int:
    """Run the demo; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Muster's main job, end to end.")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    _end_in_order()
    folder = Path(tempfile.mkdtemp(prefix="muster-demo-"))
    code = 1
    try:
        code = _run(folder, keep=keep)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        code = 130
    except (OutOfTime, ChildError, ControlError, OSError, RuntimeError) as error:
        print(f"FAILED  {error}", file=sys.stderr)
    finally:
        if code == 1:
            print(f"The logs are in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return code


def _end_in_order() -> None:
    """Have every polite signal end the run once, and the clock too; a second one must not disturb the clean-up."""

    def leave(number: int, frame: FrameType | None) -> None:
        del frame
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGALRM:
            raise OutOfTime(f"the demo did not end within {WHOLE_RUN} s")
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(each, leave)
    signal.alarm(WHOLE_RUN)


def _run(folder: Path, *, keep: bool) -> int:
    began = time.monotonic()
    print("Starting Azurite, the simulated Azure and the function app ...", file=sys.stderr)
    settings = {
        "MUSTER_MODE": "enforce",
        "MUSTER_SCOPE": cast.SUBSCRIPTION,
        "MUSTER_POLICY": str(write_policy(folder)),
        "MUSTER_INSTANCE_ID": "demo",
        # The story runs the sweep itself, so that it can tell what the sweep did from what events did.
        "MUSTER_SWEEP_SCHEDULE": _NEVER,
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.200",
    }
    with Stack.start(folder, settings=settings) as stack:
        control = Control(stack.simulator_url, str(stack.ca_file))
        muster = Muster(stack.host_urls[0], stack.key, stack.storage_connection_string)
        stage = Stage(stack, control, muster, ssl.create_default_context(cafile=stack.ca_file))
        code = _told(stage)
        print(f"{time.monotonic() - began:.0f} s from start to end.")
        if keep:
            signal.alarm(0)
            stack.restart_host(0, {"MUSTER_SWEEP_SCHEDULE": _EACH_MINUTE})
            print(_addresses(stage, settings["MUSTER_POLICY"]), flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
    return code


def _told(stage: Stage) -> int:
    """Play the story and say how it went; the exit code."""
    try:
        evidence = play(stage)
        found = checks.run(stage, evidence)
    except (StepFailed, ControlError, OSError, RuntimeError) as failed:
        print(f"FAILED  {failed}", file=sys.stderr)
        _show_log(stage, failed.cluster if isinstance(failed, StepFailed) else None)
        return 1
    print(f"\n{table.of_clusters(stage)}\n\n{table.of_calls(evidence.counts)}\n\n{table.of_checks(found)}\n")
    failed_checks = [check for check in found if not check.held]
    for cluster in list(dict.fromkeys(check.cluster for check in failed_checks))[:_LOGS]:
        _show_log(stage, cluster)
    print(f"{len(found) - len(failed_checks)} passed, {len(failed_checks)} failed")
    return 1 if failed_checks else 0


def _show_log(stage: Stage, cluster: str | None) -> None:
    """The end of the host's log; of one cluster, where the failure is one cluster's."""
    lines = stage.stack.log_tail("host-0", 100_000).splitlines()
    if cluster is not None:
        lines = [line for line in lines if cluster in line]
    print(f"-- end of the host's log{f' about {cluster}' if cluster else ''}", file=sys.stderr)
    print("\n".join(line[:_LONGEST] for line in lines[-_TAIL:]) or "(nothing)", file=sys.stderr)


def _addresses(stage: Stage, policy: str) -> str:
    muster, stack = stage.muster, stage.stack
    given = " \\\n    ".join(f"{name}={shlex.quote(value)}" for name, value in exports(stack, policy).items())
    tagged = json.dumps({"cluster_id": stage.id_of(cast.UNTAGGED), "tags": {"aml-onboard": "true"}})
    return f"""
Running until Ctrl-C; the sweep runs every minute. docs/tour.md says what to do with it.

  page             {stack.page_url}
  API              {muster.url}/api
  event endpoint   {muster.event_endpoint}
  storage          {stack.storage_connection_string}
  logs             {stack.logs()["host-0"].parent}

For the commands below and the command line, in another terminal:
  export {given}

What Muster reports:
  curl -H "x-functions-key: $MUSTER_API_KEY" $MUSTER_API_URL/api/clusters

Tag the cluster that nobody had tagged, and ask again a few seconds later:
  curl --cacert $SIMULATOR_CA $SIMULATOR/_simulator/set_tags -d '{tagged}'
"""


if __name__ == "__main__":
    sys.exit(main())
