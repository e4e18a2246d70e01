"""One cluster as a pass over the fleet decided on it, for whoever wants to see more than a snapshot keeps."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.model.decision import Decision
from shared.model.observation import Observation


@dataclass(frozen=True, slots=True)
class Sight:
    """One cluster as a pass decided on it.

    Attributes:
        same: the last look decided on the very same inputs, and by ARM's word.
        why: why a look is asked for; "" where none is.
        ring: number and name of its ring.
    """

    seen: Observation
    decision: Decision
    same: bool
    why: str
    ring: tuple[int, str]


type Witness = Callable[[Sight], None]
