"""Logs on stderr: JSON lines of the app as they are, everything else with time, level and logger."""

import logging
import sys
import time

__all__ = ["configure"]


class LineFormatter(logging.Formatter):
    """Leaves a message that is a JSON object alone; puts UTC time, level and name before any other."""

    converter = staticmethod(time.gmtime)  # the default is local time
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """One record as text."""
        message = record.getMessage()
        if message.startswith("{") and message.endswith("}") and not record.exc_info:
            return message
        return super().format(record)


def configure(*, verbose: bool) -> None:
    """Send every logger to stderr, from INFO (as the worker does), or DEBUG; Azure's clients from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    if not verbose:
        # One line per request of every client, devhost's own polling included, would bury the app's lines.
        logging.getLogger("azure").setLevel(logging.WARNING)
        # The worker library's own log, which tells again what its answers hold.
        logging.getLogger("azure.functions").setLevel(logging.CRITICAL)
    for noisy in ("asyncio", "aiohttp", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
