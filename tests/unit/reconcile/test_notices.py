"""What of a look the world hears of, and under which id."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import Refused, Unavailable
from shared.model.decision import Action
from shared.model.notice import Kind, Notice, cause_id, decode, encode
from shared.model.state import Condition
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.decide import decide
from shared.reconcile.notices import notices_of, refusal_of
from shared.reconcile.record import remembered
from tests.unit.reconcile.worlds import NOW, SHIPPED, extension, installed, looked_at, ready, removal

HOUR = timedelta(hours=1)


def found(seen, now=NOW, policy=SHIPPED):
    """The kinds of a look's notices."""
    return [each.kind for each in notices_of(seen, decide(seen, policy, now), now)]


def after(seen, **memory):
    """The same look, from another memory."""
    return replace(seen, memory=replace(seen.memory, **memory))


def standing(seen, condition):
    """The same look after one that left a condition."""
    return after(seen, state=replace(seen.memory.state, condition=condition))


def test_an_installation_is_told_when_it_is_first_seen_to_stand():
    """Not when it is sent, and not by the looks that follow."""
    first = after(standing(installed(ready()), Condition.INSTALLING), succeeded=False)
    memory = remembered(first, decide(first, SHIPPED, NOW), SHIPPED, NOW)

    assert found(looked_at(ready())) == []
    assert found(first) == [Kind.INSTALLED]
    assert found(replace(first, memory=memory), NOW + HOUR) == []


def test_one_that_somebody_else_installed_is_no_installation_of_ours():
    """Nor is one of ours whose memory was lost."""
    assert found(after(installed(ready()), sent=None, succeeded=False)) == []


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_a_failure_is_told_with_class_and_remedy(state):
    """Once: the looks that wait for the next attempt tell nothing."""
    failed = standing(installed(ready(), state=state), Condition.UPDATING)
    notices = notices_of(failed, decide(failed, SHIPPED, NOW), NOW)
    memory = remembered(failed, decide(failed, SHIPPED, NOW), SHIPPED, NOW)

    assert [each.kind for each in notices] == [Kind.FAILED]
    assert {"class", "remedy", "failure", "reason"} <= notices[0].data.keys()
    assert found(replace(failed, memory=memory), NOW + HOUR) == []


def test_what_is_sound_again_after_a_failure_is_a_repair():
    """So is what had drifted; what simply goes on standing is nothing."""
    sound = standing(installed(ready()), Condition.UPDATING)

    assert found(after(sound, failed_at=NOW - HOUR, attempts=2)) == [Kind.REPAIRED]
    assert found(standing(sound, Condition.DRIFTED)) == [Kind.REPAIRED]
    assert found(sound) == []


def test_drift_is_told_and_an_update_by_the_policy_is_not():
    """With the names of the settings, and without their values."""
    seen = installed(ready())
    changed = dict(seen.extensions[0].settings) | {"enableTraining": "false"}
    drifted = replace(seen, extensions=(replace(seen.extensions[0], settings=changed),))
    (notice,) = notices_of(drifted, decide(drifted, SHIPPED, NOW), NOW)
    by_policy = after(drifted, sent="v1:another")

    assert (notice.kind, notice.data["settings"]) == (Kind.DRIFTED, ["enableTraining"])
    assert found(by_policy) == []
    assert decide(by_policy, SHIPPED, NOW).by_policy


def test_a_hold_that_asks_for_a_person_is_told_when_it_begins():
    """An unreadable tag: once."""
    seen = looked_at(ready(tags={"aml-onboard": "perhaps"}))
    memory = remembered(seen, decide(seen, SHIPPED, NOW), SHIPPED, NOW)

    assert found(seen) == [Kind.TAG_INVALID]
    assert found(replace(seen, memory=memory), NOW + HOUR) == []


def test_an_upgrade_by_the_platform_is_told_with_both_versions():
    """Of a cluster that stands otherwise unchanged."""
    seen = after(installed(ready()), version="1.1.60")
    seen = replace(seen, extensions=(replace(seen.extensions[0], current_version="1.1.79"),))
    (notice,) = notices_of(seen, decide(seen, SHIPPED, NOW), NOW)

    again = replace(seen, extensions=(replace(seen.extensions[0], modified_at=NOW),))
    (another,) = notices_of(again, decide(again, SHIPPED, NOW), NOW)

    assert notice.kind is Kind.UPGRADED
    assert another.id != notice.id, "taken back by Azure, and made again"
    assert (notice.data["before"], notice.data["now"]) == ("1.1.60", "1.1.79")


def test_only_a_refusal_for_good_is_told():
    """One that may pass says nothing about the settings."""
    seen = looked_at(ready())
    decision = decide(seen, SHIPPED, NOW)
    assert decision.action is Action.INSTALL
    (notice,) = refusal_of(seen, decision, Outcome(Sent.REFUSED, Refused("no such train")), NOW)

    assert (notice.kind, notice.data["reason"]) == (Kind.REFUSED, "no such train")
    assert refusal_of(seen, decision, Outcome(Sent.REFUSED, Unavailable("503")), NOW) == ()
    assert refusal_of(seen, decision, Outcome(Sent.ACCEPTED), NOW) == ()
    assert refusal_of(seen, decision, None, NOW) == ()


def test_the_same_cause_has_the_same_id_and_another_one_another():
    """A look that is taken again later, from the same memory, tells the same; the next failure is another."""
    failed = standing(installed(ready(), state="Failed"), Condition.UPDATING)
    failed = after(failed, changed_at=NOW - HOUR)
    ids = [
        notices_of(seen, decide(seen, SHIPPED, now), now)[0].id for seen, now in ((failed, NOW), (failed, NOW + HOUR))
    ]
    next_one = after(failed, changed_at=NOW, sent_at=NOW)

    assert ids[0] == ids[1]
    assert notices_of(next_one, decide(next_one, SHIPPED, NOW), NOW)[0].id != ids[0]


def test_a_removal_is_told_once_when_the_extension_is_gone():
    """However soon; and without the name of whoever asked."""
    seen = installed(ready())
    gone = replace(seen, extensions=(), intent=removal(seen.cluster))
    decision = decide(gone, SHIPPED, NOW)
    (notice,) = notices_of(gone, decision, NOW)
    again = replace(gone, memory=remembered(gone, decision, SHIPPED, NOW))

    assert notice.kind is Kind.REMOVED
    assert "eva" not in str(notice)
    assert found(again, NOW + HOUR) == []


def test_looks_that_could_not_read_the_cluster_repeat_nothing():
    """A tag that cannot be read, told; Azure falls silent; then the same again: no news."""
    seen = looked_at(ready(tags={"aml-onboard": "perhaps"}))
    memory = remembered(seen, decide(seen, SHIPPED, NOW), SHIPPED, NOW)
    silent = replace(seen, cluster=None, extensions=None, trouble="503", memory=memory)
    memory = remembered(silent, decide(silent, SHIPPED, NOW), SHIPPED, NOW)

    assert memory.state.condition is Condition.UNKNOWN
    assert found(replace(seen, memory=memory), NOW + HOUR) == []


def test_a_stranger_s_extension_has_not_drifted():
    """Muster never sent anything that could have been changed."""
    seen = after(installed(ready()), sent=None, state=None)
    changed = dict(seen.extensions[0].settings) | {"enableTraining": "false"}

    assert found(replace(seen, extensions=(replace(seen.extensions[0], settings=changed),))) == []


def test_a_message_holds_the_whole_notice():
    """Tries included; and what is none is refused in words."""
    from shared.errors import RequestError

    notice = Notice(cause_id(Kind.FAILED, "c", 1), Kind.FAILED, "c", NOW, {"reason": "für Menschen"}).tried()

    assert decode(encode(notice)) == notice
    for text in ("", "{}", '{"kind": "Nothing"}', "[]"):
        with pytest.raises(RequestError, match="no notice"):
            decode(text)


def test_an_extension_of_another_kind_is_no_news():
    """Only ours is told of."""
    other = replace(extension("Failed"), type="microsoft.flux")
    assert found(looked_at(ready(), other)) == []
