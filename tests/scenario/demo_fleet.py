"""The demo's fleet after its story was played: for tests of what people read about it, and do with it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.cast import SUBSCRIPTION
from demo.muster_api import Muster
from demo.policy import write_policy
from demo.stage import Stage as Theatre
from demo.story import play
from devhost.stack import Stack
from simulator.control import Control
from tests.scenario.stage import SETTINGS, Stage


@contextmanager
def demo_fleet(folder: Path, **more: str) -> Iterator[Stage]:
    """A stage on which the demo's story was played; its policy lies in `folder`. `more` are application settings."""
    settings = SETTINGS | {"MUSTER_POLICY": str(write_policy(folder)), "MUSTER_SCOPE": SUBSCRIPTION} | more
    with Stack.start(folder, settings=settings) as stack:
        assert stack.ca_file is not None
        control = Control(stack.simulator_url, str(stack.ca_file))
        muster = Muster(stack.host_urls[0], stack.key, stack.storage_connection_string)
        play(Theatre(stack, control, muster, ssl.create_default_context(cafile=stack.ca_file)))
        stage = Stage(stack, folder)
        try:
            yield stage
        finally:
            stage.close()
