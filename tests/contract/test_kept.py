"""Kept answers on a real table: one turn at a time, a day long, and no more rows than a day brings."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from shared.state.kept import STANDS, WORKS, Answered, KeptAnswers, Refusal, Turn
from shared.state.storage import Storage

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SAID = Answered(201, "application/json", {"Location": "/api/pauses/1"}, b'{"id": "1"}')


@pytest.fixture
def answers(storage: Storage, name: str) -> KeptAnswers:
    """A table of the test's own that does not exist yet."""
    return KeptAnswers(storage.table(name))


async def rows(storage: Storage, name: str) -> dict[str, dict]:
    """The rows of the table by name."""
    return {row["RowKey"]: dict(row) async for row in storage.table(name).list_entities()}


async def turn(answers: KeptAnswers, name: str = "n", request: str = "r", at: datetime = NOW) -> Turn:
    """A turn that must be given."""
    begun = await answers.begin(name, request, at)
    assert isinstance(begun, Turn)
    return begun


async def test_what_was_kept_is_answered_for_a_day(answers: KeptAnswers) -> None:
    """Byte by byte; another request under the same name is refused; after a day the name is free."""
    await answers.keep(await turn(answers), SAID)

    assert await answers.begin("n", "r", NOW + STANDS - timedelta(seconds=1)) == SAID
    assert await answers.begin("n", "another", NOW) is Refusal.ANOTHER_REQUEST
    assert isinstance(await answers.begin("n", "another", NOW + STANDS), Turn)


async def test_of_many_at_once_one_gets_the_turn(answers: KeptAnswers) -> None:
    """The others are told that it is at work."""
    begun = await asyncio.gather(*(answers.begin("n", "r", NOW) for _ in range(8)))

    assert sum(isinstance(each, Turn) for each in begun) == 1
    assert begun.count(Refusal.AT_WORK) == 7


async def test_a_turn_that_is_given_back_is_free(answers: KeptAnswers) -> None:
    """Nothing was done: whoever comes next may do it, even otherwise."""
    await answers.release(await turn(answers))

    await turn(answers, request="another")


async def test_a_turn_that_nobody_ended_goes_to_the_next_one(answers: KeptAnswers) -> None:
    """After the time that an invocation may take, and only for the same request; the late one keeps nothing then."""
    lost = await turn(answers)

    assert await answers.begin("n", "r", NOW + WORKS - timedelta(seconds=1)) is Refusal.AT_WORK
    assert await answers.begin("n", "another", NOW + WORKS) is Refusal.ANOTHER_REQUEST
    next_one = await turn(answers, at=NOW + WORKS)
    await answers.keep(lost, SAID)
    await answers.release(lost)
    assert await answers.begin("n", "r", NOW + WORKS) is Refusal.AT_WORK
    await answers.keep(next_one, SAID)
    assert await answers.begin("n", "r", NOW + WORKS) == SAID


async def test_an_answer_too_large_for_a_row_is_not_kept(answers: KeptAnswers) -> None:
    """What cannot be kept is done again; a large one that can be packed is kept."""
    large = Answered(200, "application/json", {}, b'{"settings": []}' * 10_000)
    await answers.keep(await turn(answers), large)
    assert await answers.begin("n", "r", NOW) == large

    await answers.keep(await turn(answers, "m"), Answered(200, "", {}, random.Random(1).randbytes(70_000)))  # noqa: S311  noise, no secret
    await turn(answers, "m")


async def test_rows_of_yesterday_go(answers: KeptAnswers, storage: Storage, name: str) -> None:
    """A new name takes old ones away, so that the table holds a day's requests; no name or text lies in it."""
    for number in range(3):
        await answers.keep(await turn(answers, f"old-{number}"), SAID)
    await turn(answers, "new", at=NOW + STANDS + timedelta(minutes=1))

    assert set(await rows(storage, name)) == {"new"}
