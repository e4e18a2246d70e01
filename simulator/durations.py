"""How long things take."""

from dataclasses import dataclass


@dataclass(slots=True)
class Durations:
    """Simulated seconds.

    Attributes:
        create, update, delete: operations on extensions.
        terminate: how long namespace azureml lingers after a deletion.
        relay: until a relay namespace is ready.
        register: until a resource provider is registered.
        request: until a write to an extension is answered.
    """

    create: float = 2.0
    update: float = 2.0
    delete: float = 1.0
    terminate: float = 0.0
    relay: float = 0.5
    register: float = 5.0
    request: float = 0.0
