"""One structured line for each failure that fails an invocation; the host then tries it again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from shared import logs
from shared.errors import MusterError


@contextmanager
def failure_told(function: str) -> Iterator[None]:
    """Log an error of ours with what it asks a person to do, and let it go on to the host."""
    try:
        yield
    except MusterError as error:
        logs.count("invocations-failed")
        logs.event(
            "invocation-failed",
            level=logging.ERROR,
            function=function,
            code=type(error).__name__,
            reason=error.message,
        )
        raise
