"""`muster snapshot`, and recordings of the fleet for the commands that read one."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.api import ask, awaited, fetched, path
from shared.cli.output import Output, OutputOption, told, write
from shared.cli.show import line
from shared.errors import RequestError

if TYPE_CHECKING:
    from shared.fleet.recorded import RecordedFleet

RecordedOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Read a fleet that `muster snapshot` recorded: no network.")
]


def snapshot(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to; compressed where its name ends with .gz.")],
    wait: Annotated[int, typer.Option(min=1, help="Seconds to wait for the recording.")] = 600,
    output: OutputOption = Output.TEXT,
) -> int:
    """Record the fleet as it stands, for `muster plan --recorded`. Nothing is done to it.

    Returns:
        0 it is saved; 1 where it could not be taken.
    """
    made, content = taken(wait)
    write(out, content if out.suffix == ".gz" else gzip.decompress(content))
    if output is Output.JSON:
        told(made | {"file": str(out)})
    else:
        line(f"{made['counts'].get('cluster', 0)} clusters as of {made['asOf']} were recorded in {out}.")
    return 0


def taken(wait: int) -> tuple[Any, bytes]:
    """Have the API record the fleet: what it says of the recording, and its content.

    Raises:
        MusterError: it cannot be taken, or not within `wait` seconds.
    """
    name = ask("POST", path("recordings"), {})["id"]
    made = awaited("recording", path("recordings", name), wait)
    return made, fetched(path("recordings", name, format="gzip"))


def kept(place: Path) -> "RecordedFleet":
    """The recorded fleet of a file.

    Raises:
        RequestError: the file cannot be read, or is no recording; which file, and what to do.
    """
    from shared.fleet.recorded import read_recording

    try:
        return read_recording(place.read_bytes())
    except OSError as error:
        raise RequestError(f"{place} cannot be read: {error.strerror}.") from error
    except RequestError as error:
        raise RequestError(f"{place}: {error.message}", error.findings) from error
