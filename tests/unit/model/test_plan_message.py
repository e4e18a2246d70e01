"""The message by which a plan is made: it names one, and nothing else is believed."""

import pytest

from shared.errors import RequestError
from shared.model.plan_message import decode, encode, is_plan_id

PLAN = "0123456789abcdef" * 2


def test_what_is_sent_is_read() -> None:
    """Fields that a later version adds are ignored."""
    assert decode(encode(PLAN)) == PLAN
    assert decode(f'{{"v": 1, "plan": "{PLAN}", "later": [1]}}') == PLAN


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "7", "null", '{"plan": 7}', '{"plan": "../policy/current"}', f'{{"plan": "{PLAN} "}}', "[" * 9000],
)
def test_what_names_no_plan_is_refused(text: str) -> None:
    """No retry can mend it."""
    with pytest.raises(RequestError):
        decode(text)


@pytest.mark.parametrize("text", [PLAN.upper(), PLAN[:-1], f"{PLAN}\n", "../ledger", ""])
def test_an_id_has_one_form(text: str) -> None:
    """It becomes part of a blob's name."""
    assert not is_plan_id(text)
