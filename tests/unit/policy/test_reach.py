"""What is proven of rules against every cluster of a small world."""

from itertools import pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.facts import Facts, Unknown
from shared.policy.matching import Match, Pattern, TagTest, answer
from shared.policy.model import Rule
from shared.policy.reach import Reach, can_hold

# Each word that a question of these tests can tell from others, no tag, and facts that are unknown.
WORLD = [
    (
        Facts(
            {"kind": kind, "gpu": gpu, "location": region},
            {name: value for name, value in (("a", one), ("b", two)) if value is not None},
        ),
        groups,
    )
    for kind, gpu, one, two, region, groups in product(
        ("aks", "arc"),
        (True, False, None),
        (None, "a", "A", "b", "B", "z"),
        (None, "a", "A", "z"),
        (None, "a", "z"),
        (None, (), ("z",), ("a", "z")),
    )
]


def matches(word: st.SearchStrategy[Pattern]) -> st.SearchStrategy[Match]:
    """Matches of few words, with or without `not`."""
    some = st.lists(word, min_size=1, max_size=2).map(tuple)
    test_a, test_b = (st.builds(TagTest, st.just(name), values) for name, values in (("a", some), ("b", _A.map(_one))))
    inner = {
        "kinds": st.sampled_from([(), (), ("aks",), ("arc",), ("aks", "arc")]),
        "tags": st.just(()) | test_a.map(_one) | st.tuples(test_a, test_b),
        "tag_present": st.sampled_from([(), (), ("a",), ("b",), ("a", "b")]),
        "gpu": st.sampled_from([None, None, True, False]),
        "regions": st.just(()) | _A.map(_one),
        "ignore_case": st.booleans(),
    }
    groups = st.just(()) | _A.map(_one)
    return st.builds(Match, **inner, management_groups=groups, negated=st.none() | st.builds(Match, **inner))


def _one(item):
    return (item,)


_A = st.sampled_from([Pattern("a"), Pattern("*", glob=True)])
PLAIN = matches(st.sampled_from([Pattern("a"), Pattern("b"), Pattern("*", glob=True)]))
GLOBS = matches(st.builds(Pattern, st.sampled_from(["a", "b", "*", "?", "a*"]), st.booleans()))


def reached(rules: list[Match]) -> bool:
    """Whether the last rule wins for some cluster of the world."""
    *before, last = rules
    return any(
        answer(last, facts, groups).truth is True
        and not any(_stops(answer(earlier, facts, groups).truth) for earlier in before)
        for facts, groups in WORLD
    )


def _stops(truth) -> bool:
    return isinstance(truth, Unknown) or truth


def claimed(rules: list[Match]) -> bool:
    """What the search says."""
    reach = Reach([Rule(f"r{number}", match) for number, match in enumerate(rules)])
    return reach.wins(len(rules) - 1, range(len(rules) - 1))


@settings(deadline=None)
@given(rules=st.lists(GLOBS, min_size=1, max_size=4))
def test_no_rule_that_wins_somewhere_is_called_beyond_reach(rules):
    """Whatever its globs: what is claimed is proven."""
    assert claimed(rules) or not reached(rules)


@settings(deadline=None)
@given(rules=st.lists(PLAIN, min_size=1, max_size=4))
def test_without_partial_globs_nothing_is_missed(rules):
    """Words, `*` and yes-or-no questions are decided exactly, in any combination with `not`."""
    assert claimed(rules) == reached(rules)


def test_a_search_that_takes_too_long_claims_nothing():
    """A hundred rules that split in many ways: an answer in bounded steps, and never a wrong one."""
    tags = [f"t{number}" for number in range(40)]
    pairs = [Match(tag_present=(one, two)) for one, two in pairwise(tags)]
    twisted = [Match(tags=tuple(TagTest(name, (Pattern(name),)) for name in tags[at : at + 8])) for at in range(30)]
    world = [Match(kinds=("aks",), negated=each) for each in twisted] + twisted

    assert claimed([*pairs, Match(kinds=("arc",))])
    assert claimed([*world, Match(kinds=("arc",))])
    assert not can_hold(Match(kinds=("aks",), negated=Match(kinds=("aks", "arc"))))
