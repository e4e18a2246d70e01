"""Whether a rule can win at all: a search for a cluster that it holds for and that no rule before it takes.

The search is over what clusters might be, not over those that there are. An unknown fact holds the cluster at the rule
that asks for it, so a rule lets a cluster pass only where it certainly does not hold: `gpu: true` and then
`gpu: false` leave nothing, although GPUs may be unknown.

A rule is called beyond reach only where the search has ruled out every cluster. Where it cannot tell (globs that
overlap, an expression that hangs on more than kind and GPUs, too many possibilities), the rule counts as reachable.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from shared.model.identity import Kind
from shared.policy.cel import Failure
from shared.policy.facts import Unknown
from shared.policy.matching import Match, Pattern
from shared.policy.model import Rule

# Real policies need a few steps for each rule; beyond these, nothing is claimed.
_STEPS = 4000
_ANY = Pattern("*", glob=True)
# Facts of which a cluster may have none, or several, without their being unknown.
_TAG, _SEVERAL = "tag ", "managementGroups"
_SETTLED = frozenset({"kind", "gpu"})


@dataclass(frozen=True, slots=True)
class _Words:
    """The words and globs of one question, of which one must fit."""

    words: frozenset[str]
    globs: tuple[Pattern, ...]
    fold: bool

    @classmethod
    def of(cls, patterns: Sequence[Pattern], *, fold: bool = True) -> "_Words":
        words = (each.text for each in patterns if not each.glob)
        return cls(
            frozenset(word.casefold() if fold else word for word in words),
            tuple(each for each in patterns if each.glob),
            fold,
        )

    @property
    def everything(self) -> bool:
        return any(set(glob.text) == {"*"} for glob in self.globs)

    def may_fit(self, word: str, *, fold: bool) -> bool:
        """Whether it fits a word, or (`fold`) some spelling of it."""
        if self.fold or not fold:
            return self._fits(word)
        folded = any(each.casefold() == word.casefold() for each in self.words)
        return folded or any(glob.fits(word, ignore_case=True) for glob in self.globs)

    def surely_fits(self, word: str, *, fold: bool) -> bool:
        """Whether it fits a word, or (`fold`) each spelling of it."""
        return self.everything if fold and not self.fold else self._fits(word)

    def _fits(self, word: str) -> bool:
        known = (word.casefold() if self.fold else word) in self.words
        return known or any(glob.fits(word, ignore_case=self.fold) for glob in self.globs)

    def surely_holds(self, glob: Pattern, *, fold: bool) -> bool:
        """Whether whatever a glob fits is fitted here as well; told only of the same glob, and of `*`."""
        return self.everything or (glob in self.globs and (self.fold or not fold))


@dataclass(frozen=True, slots=True)
class _Claim:
    """That a fact of the cluster answers a question with yes, or certainly with no."""

    fact: str
    words: _Words
    holds: bool


# Claims of which all are true; and options of which one is.
type _Option = tuple[_Claim, ...]
type _Clause = tuple[_Option, ...]


@dataclass(frozen=True, slots=True)
class _Domain:
    """What one fact may still be.

    Attributes:
        left: the words that are possible, where a question has listed them.
        fold: whether each of them stands for all its spellings.
    """

    must: tuple[_Words, ...] = ()
    never: tuple[_Words, ...] = ()
    left: frozenset[str] | None = None
    fold: bool = True

    def told(self, claim: _Claim) -> "_Domain | None":
        """The same with one claim more; itself where that says nothing new, None where nothing is left."""
        words = claim.words
        if words in (self.must if claim.holds else self.never):
            return self
        if claim.holds:
            return self._must(claim.fact, words)
        if self.left is not None and not any(words.may_fit(word, fold=self.fold) for word in self.left):
            return self
        return replace(self, never=(*self.never, words)).checked(claim.fact)

    def _must(self, fact: str, words: _Words) -> "_Domain | None":
        wider = replace(self, must=(*self.must, words))
        listed = not words.globs and fact != _SEVERAL
        if listed and (self.left is None or (self.fold and not words.fold)):
            wider = replace(wider, left=words.words, fold=words.fold)
        return wider.checked(fact)

    def checked(self, fact: str) -> "_Domain | None":
        """The same without the words that are no longer possible; None where nothing is left."""
        if self.left is not None:
            left = frozenset(filter(self._possible, self.left))
            return replace(self, left=left) if left else None
        if any(self._excluded(words) for words in self.must):
            return None
        # A known fact is some word; a tag may be missing, and there may be no management group.
        needs_one = not fact.startswith(_TAG) and fact != _SEVERAL
        return None if needs_one and any(words.everything for words in self.never) else self

    def _possible(self, word: str) -> bool:
        fits = all(words.may_fit(word, fold=self.fold) for words in self.must)
        return fits and not any(words.surely_fits(word, fold=self.fold) for words in self.never)

    def _excluded(self, words: _Words) -> bool:
        never = self.never
        return all(any(no.surely_fits(word, fold=words.fold) for no in never) for word in words.words) and all(
            any(no.surely_holds(glob, fold=words.fold) for no in never) for glob in words.globs
        )


@dataclass(frozen=True, slots=True)
class _Guess:
    """A cluster as far as it is guessed: domains by fact, and whether its GPUs are unknown."""

    domains: Mapping[str, _Domain]
    gpu_unknown: bool = False

    def told(self, option: _Option) -> "_Guess | None":
        """The same with claims more; itself where they say nothing new, None where no such cluster can be."""
        domains = self.domains
        for claim in option:
            if claim.fact == "gpu" and self.gpu_unknown:
                return None
            before = domains.get(claim.fact, _Domain())
            after = before.told(claim)
            if after is None:
                return None
            if after is not before:
                domains = {**domains, claim.fact: after}
        return self if domains is self.domains else replace(self, domains=domains)


def _questions(match: Match) -> Iterator[tuple[tuple[str, _Words], ...]]:
    """What is asked beside `not`: each question is one fact, or several of which one has to fit."""
    if match.kinds:
        yield (("kind", _Words.of([Pattern(kind) for kind in match.kinds])),)
    for test in match.tags:
        yield ((_TAG + test.name, _Words.of(test.values, fold=match.ignore_case)),)
    if match.tag_present:
        yield tuple((_TAG + name, _Words.of([_ANY])) for name in match.tag_present)
    if match.gpu is not None:
        yield (("gpu", _Words.of([Pattern(str(match.gpu))])),)
    for fact, patterns in (
        ("location", match.regions),
        ("subscription", match.subscriptions),
        ("resourceGroup", match.resource_groups),
        ("distribution", match.distributions),
        ("name", match.names),
        (_SEVERAL, match.management_groups),
    ):
        if patterns:
            yield ((fact, _Words.of(patterns)),)


def _true(match: Match) -> list[_Clause]:
    """What has to be so where a match holds."""
    clauses: list[_Clause] = [
        tuple((_Claim(fact, words, holds=True),) for fact, words in question) for question in _questions(match)
    ]
    return [*clauses, _false(match.negated)] if match.negated is not None else clauses


def _false(match: Match) -> _Clause:
    """The ways in which a match certainly does not hold."""
    plain = [tuple(_Claim(fact, words, holds=False) for fact, words in question) for question in _questions(match)]
    if match.negated is None:
        return tuple(plain)
    inner = product(*_true(match.negated))
    return (*plain, *(tuple(claim for option in options for claim in option) for options in inner))


class Reach:
    """The rules of a policy, prepared to be asked which of them can win."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        asked = [rule.match or Match() for rule in self.rules]
        tags = [_present(rule.profile_from_tag) for rule in self.rules]
        self._holds = [[*_true(match), *tag] for match, tag in zip(asked, tags, strict=True)]
        self._fails = [
            (*_false(match), *(((replace(tag[0][0][0], holds=False),),) if tag else ()))
            for match, tag in zip(asked, tags, strict=True)
        ]
        self._whens: dict[tuple[int, str, bool | None], bool | Unknown | Failure] = {}

    def wins(self, number: int, behind: Sequence[int]) -> bool:
        """Whether some cluster might get this rule if only the rules `behind` which it stands came before it."""
        involved = [self.rules[each] for each in (number, *behind)]
        gpus = (True, False, None) if any(map(_asks_for_gpu, involved)) else (None,)
        return any(self._wins(number, behind, kind, gpu) for kind, gpu in product(Kind, gpus))

    def _wins(self, number: int, behind: Sequence[int], kind: Kind, gpu: bool | None) -> bool:
        mine = self._when(number, kind, gpu)
        if mine is False or isinstance(mine, Failure) or (isinstance(mine, Unknown) and self._settled(number)):
            return False
        start = _Guess({}, gpu_unknown=gpu is None).told(_settled(kind, gpu))
        passing = [self._fails[each] for each in behind if not self._may_pass(each, number, kind, gpu)]
        clauses = sorted([*self._holds[number], *passing], key=len)
        return start is not None and _found(start, clauses)

    def _may_pass(self, earlier: int, number: int, kind: Kind, gpu: bool | None) -> bool:
        """Whether the earlier rule's `when` may let pass a cluster which this rule holds for."""
        when, own = self.rules[earlier].when, self.rules[number].when
        if when is None or when == own:
            return False
        found = self._when(earlier, kind, gpu)
        if isinstance(found, Unknown):
            # An unknown fact holds; only a fact that nobody looked at here may yet make it false.
            return not self._settled(earlier)
        return found is False

    def _settled(self, number: int) -> bool:
        """Whether a rule's `when` hangs on nothing but what each case of the search has settled."""
        when = self.rules[number].when
        return when is None or when.reads <= _SETTLED

    def _when(self, number: int, kind: Kind, gpu: bool | None) -> bool | Unknown | Failure:
        when = self.rules[number].when
        if when is None:
            return True
        key = (number, kind.value, gpu)
        if key not in self._whens:
            self._whens[key] = when.settled({"kind": kind.value, "gpu": gpu})
        return self._whens[key]


def can_hold(match: Match) -> bool:
    """Whether some cluster might answer all its questions; false only where they contradict each other."""
    return Reach([Rule("", match)]).wins(0, ())


def _settled(kind: Kind, gpu: bool | None) -> _Option:
    claims = (_Claim("kind", _Words.of([Pattern(kind.value)]), holds=True),)
    return claims if gpu is None else (*claims, _Claim("gpu", _Words.of([Pattern(str(gpu))]), holds=True))


def _present(tag: str | None) -> list[_Clause]:
    return [((_Claim(_TAG + tag, _Words.of([_ANY]), holds=True),),)] if tag is not None else []


def _asks_for_gpu(rule: Rule) -> bool:
    match = rule.match
    while match is not None:
        if match.gpu is not None:
            return True
        match = match.negated
    return rule.when is not None and "gpu" in rule.when.reads


def _found(start: _Guess, clauses: Sequence[_Clause]) -> bool:
    """Whether one option of each clause goes together; true also where looking takes too long."""
    waiting, steps = [(0, start)], 0
    while waiting and steps < _STEPS:
        number, guess = waiting.pop()
        if number == len(clauses):
            return True
        steps += 1
        nexts = [after for option in clauses[number] if (after := guess.told(option)) is not None]
        # An option that says nothing new leaves every later choice open: no other need be tried.
        nexts = [guess] if any(after is guess for after in nexts) else nexts
        waiting.extend((number + 1, after) for after in reversed(nexts))
    return bool(waiting)
