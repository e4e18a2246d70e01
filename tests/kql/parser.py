"""Microsoft's KQL parser (npm `@kusto/language-service-next`), asked about one query at a time.

One node process per test process answers all of them: starting it takes a second, a query 10 ms.
"""

import atexit
import functools
import json
import shutil
import subprocess
from pathlib import Path

_SCRIPT = Path(__file__).with_name("check.cjs")


def diagnostics(query: str) -> list[str]:
    """What the parser says about a query on Resource Graph's tables; nothing when it is right.

    Each entry has severity, code, position and message, for example "Error KS142 at 18: The name
    'nope' does not refer to any known column, table, variable or function."

    Raises:
        RuntimeError: node or the parser's package is missing (`make setup` installs it).
    """
    process = _process()
    try:
        process.stdin.write(json.dumps(query) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except BrokenPipeError:
        answer = ""
    if not answer:
        raise RuntimeError(f"node ended with {process.wait()}; is node_modules there? Run make setup.")
    return json.loads(answer)


@functools.cache
def _process() -> subprocess.Popen[str]:
    node = shutil.which("node")
    if node is None:
        raise RuntimeError("node is not on PATH")
    process = subprocess.Popen(  # noqa: S603  our own script
        [node, str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.stdin.close()
    process.stdout.close()
    process.wait(timeout=10)
