"""Walks through the documents: each command of a page is run on the demo's fleet, and prints what the page says.

A block of `sh` is a command; a block of `text` right after it is what it prints. `<!-- name -->` between them is a step
of the world beside the reader: the sweep of each minute, a button that he presses. After a change that means to change
what is printed: `MUSTER_WRITE_WALK=1 pytest` the page's test, and read the difference.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo.stage import exports
from devhost.child import clean_environment
from tests.scenario.stage import Stage

_BLOCK = re.compile(
    r"```sh\n(?P<command>.*?)```\n(?:\n```text\n(?P<printed>.*?)```\n)?|<!-- (?P<step>[a-z -]+) -->", re.DOTALL
)
# What differs from run to run; each stands for itself in a comparison.
_OTHER = {
    "<moment>": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"),
    "policy-<digest>": re.compile(r"policy-[0-9a-f]{12}"),
    "change-<id>": re.compile(r"change-[0-9a-f]{16}"),
    "retry-<id>": re.compile(r"retry-[0-9a-f]{16}"),
    "ring-<digest>-canary": re.compile(r"ring-[0-9a-f]{12}-canary"),
    "<pause>": re.compile(r"pause-[0-9a-f]+"),
    "<plan>": re.compile(r"\b[0-9a-f]{32}\b"),
    "<hash>": re.compile(r"\b[0-9a-f]{12}\b"),
}
_NAMED = ("policy-<digest>", "ring-<digest>-canary", "change-<id>", "<pause>")


@dataclass
class Walker:
    """Somebody at a terminal beside `make up`.

    Attributes:
        home: where he begins.
        seen: all that was printed so far.
    """

    stage: Stage
    home: Path
    seen: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        who = {
            f"GIT_{role}_{what}": "eva@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        own = {"PATH": tools, "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", "COLUMNS": "110"}
        given = exports(self.stage.stack, str(self.stage.policy_file))
        self.environment = clean_environment() | own | who | given | {"PLACE": str(self.home / "place")}
        (self.home / "place").write_text(str(self.home))

    def walk(self, page: Path, steps: Mapping[str, Callable[[], None]]) -> None:
        """Walk through a page from its first command to its last."""
        text = page.read_text()
        parts, at = [], 0
        differing: list[tuple[str, str]] = []
        for block in _BLOCK.finditer(text):
            parts.append(text[at : block.start()])
            at = block.end()
            if block["step"]:
                steps[block["step"]]()
                parts.append(block[0])
                continue
            printed = self.does(block["command"])
            said = block["printed"]
            if steady(printed) != steady(said or ""):
                differing.append((f"{block['command']}{said}", f"{block['command']}{printed}"))
            shown = f"\n```text\n{printed}```\n" if said is not None or printed else ""
            parts.append(f"```sh\n{block['command']}```\n{shown}")
        if os.environ.get("MUSTER_WRITE_WALK"):
            page.write_text("".join(parts) + text[at:])

        assert [printed for _, printed in differing] == [said for said, _ in differing]

    def does(self, command: str) -> str:
        """Run one block where the last one ended; what it prints, and the code it leaves with where that is not 0."""
        for name in _NAMED:
            ids = [found[0] for found in _OTHER[name].finditer(self.seen)]
            command = command.replace(name, ids[-1] if ids else name)
        script = f'cd "$(cat "$PLACE")"\n{command}\ncode=$?\npwd > "$PLACE"\nexit $code\n'
        ended = subprocess.run(  # noqa: S603  the page's own commands
            ["/bin/bash", "-c", script],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        printed = ended.stdout + (f"[{ended.returncode}]\n" if ended.returncode else "")
        self.seen += printed
        return printed


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    for name, pattern in _OTHER.items():
        text = pattern.sub(name, text)
    return text
