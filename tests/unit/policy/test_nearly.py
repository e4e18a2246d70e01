"""The smallest change of tags for each other outcome: tried, not guessed."""

from datetime import timedelta

import pytest

from shared.model.intent import Intent, Word
from shared.policy.nearly import smallest_changes
from shared.policy.selection import Outcome, select
from tests.unit.policy.builders import NOW, cluster, policy

POLICY = policy(
    """
profiles:
  training: {selectableByTag: true, settings: {enableTraining: true}}
  plain: {settings: {enableTraining: true, installPromOp: false}}
  gpu: {extends: training}
rules:
  - {name: by-tag, match: {tagPresent: aml-profile}, profileFromTag: aml-profile}
  - {name: pinned, match: {tags: {pin: [a, "b*"], team: blue}}, profile: plain}
  - {name: gpu, match: {gpu: true}, profile: gpu}
  - {name: careful, match: {not: {tagPresent: legacy}}, profile: training}
noRuleMatched: hold
"""
)


def having(tags):
    """A cluster with these tags, without GPUs."""
    return cluster(tags=tags, gpu=False)


def told(about, intent=None) -> list[str]:
    return [str(each) for each in smallest_changes(POLICY, about, intent, NOW)]


def test_a_cluster_without_tags_is_told_how_to_be_selected():
    """One tag for the profile of the last rule, more for the others; a profile that only facts give is not told."""
    assert told(having({})) == [
        "Set aml-onboard=true: profile training by rule careful.",
    ]


def test_two_tags_are_the_most_that_is_told():
    """What a rule asks for beside the tag that selects; each answer holds when it is tried."""
    about = having({"pin": "a", "aml-onboard": "true"})
    changes = smallest_changes(POLICY, about, None, NOW)

    assert [str(each) for each in changes] == ["Set team=blue: profile plain by rule pinned."]


def test_a_tag_that_is_in_the_way_is_to_be_taken_away():
    """One of a `not`, a hands-off word, and a pause."""
    assert told(having({"aml-onboard": "true", "legacy": "x"}))[0] == (
        "Set aml-profile=training: profile training by rule by-tag."
    )
    assert told(having({"aml-onboard": "false"})) == ["Set aml-onboard=true: profile training by rule careful."]
    until = (NOW + timedelta(days=1)).isoformat()
    assert told(having({"aml-onboard": "true", "aml-pause-until": until}))[0] == (
        "Take aml-pause-until away: profile training by rule careful."
    )


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"aml-onboard": "yes"},
        {"aml-onboard": "true", "legacy": "1"},
        {"aml-onboard": "true", "pin": "b1"},
        {"aml-onboard": "true", "aml-profile": "nothing"},
        {"AML-Onboard": "FALSE", "Team": "blue"},
        {"aml-onboard": "true", "aml-set-what": "1"},
    ],
)
def test_every_answer_holds_when_it_is_tried(tags):
    """The cluster with the changed tags gets the profile that was told; and nothing is told that it has already."""
    about = having(tags)
    before = select(POLICY, about, None, NOW)
    for change in smallest_changes(POLICY, about, None, NOW):
        changed = {name: value for name, value in tags.items() if name.casefold() not in {e.tag for e in change.edits}}
        changed |= {edit.tag: edit.value for edit in change.edits if edit.value is not None}
        after = select(POLICY, having(changed), None, NOW)
        assert (after.outcome, after.profile, after.rule) == (Outcome.SELECTED, change.profile, change.rule)
        assert (before.outcome, before.profile) != (Outcome.SELECTED, change.profile) or before.pause


def test_a_persons_word_stays():
    """Enrolled by hand with a profile, no tag but a pause or a hands-off word changes anything."""
    about = having({})
    intent = Intent(about.id, Word.ENROL, "eva", "because", NOW, profile="plain")
    assert told(about, intent) == []
