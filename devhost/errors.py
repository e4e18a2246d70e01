"""What stops devhost from starting."""

__all__ = ["StartError"]


class StartError(Exception):
    """Devhost cannot serve this app; the message says why and what to do.

    Attributes:
        details: the cause at length (a stack trace), shown with `--verbose` only.
    """

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.details = details
