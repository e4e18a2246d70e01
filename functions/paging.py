"""Lists by pages: in the order of the clusters' ids as texts, each page begins behind the last id of the one before."""

import base64
from collections.abc import Callable, Sequence

from shared.errors import Finding, InvalidClusterId, RequestError
from shared.model.identity import ClusterId


def page_of[T](items: Sequence[T], id_of: Callable[[T], str], limit: int, continuation: str) -> tuple[list[T], str]:
    """One page of items that are in the order of their ids, and the continuation; "" on the last page.

    Raises:
        RequestError: the continuation came from no answer.
    """
    after = _position_of(continuation)
    left = [item for item in items if id_of(item) > after]
    following = _position_text(id_of(left[limit - 1])) if len(left) > limit else ""
    return left[:limit], following


def _position_text(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _position_of(text: str) -> str:
    try:
        return str(ClusterId.parse(base64.b64decode(text, altchars=b"-_", validate=True).decode())) if text else ""
    except (InvalidClusterId, ValueError) as error:  # wrong base64 and wrong UTF-8 are ValueErrors
        raise RequestError(
            "The continuation cannot be used.", (Finding("continuation", "must come from an answer"),)
        ) from error
