"""Faults by rule: answers that go wrong, before or after the request took effect."""

import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.arm import Json, Reply
from simulator.arm_errors import canned
from simulator.clock import Clock

type Kind = Literal["status", "delay", "timeout", "reset"]


@dataclass(slots=True)
class Fault:
    """One rule. All that is given must match; the first rule that matches applies.

    Attributes:
        method: HTTP method.
        path: a regular expression that is searched in the path, without case.
        service: clusters, credentials, extensions, operations, tags, relay, providers, subscriptions,
            skus, locations, service-tags, kubernetes-versions, resource-graph, identity, key-vault or
            kubernetes.
        probability: chance that a matching request is hit.
        times: how many requests are hit before the rule ends; None for no end.
        skip: how many matching requests pass first.
        lasts: simulated seconds after which the rule ends; None for no end.
        kind: `status` answers `status` with `body` and `headers`; `delay` holds the request for
            `seconds`; `timeout` never answers; `reset` closes the connection.
        when: `before` or `after` the request takes effect.
    """

    id: str
    kind: Kind
    method: str | None = None
    path: str | None = None
    service: str | None = None
    probability: float = 1.0
    times: int | None = None
    skip: int = 0
    lasts: float | None = None
    when: Literal["before", "after"] = "before"
    status: int = 500
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    since: float = 0.0
    hits: int = 0

    def reply(self) -> Reply:
        """The answer of a `status` fault: what was given, or what Azure usually says with that status."""
        if self.body is not None:
            return Reply(self.status, self.body, self.headers)
        usual = canned(self.status).reply
        return Reply(usual.status, usual.body, {**usual.headers, **self.headers})


class Faults:
    """The rules, in the order in which they were added."""

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311  a schedule that can be repeated, not a secret
        self._made = 0
        self.rules: list[Fault] = []

    def add(self, rule: Json) -> str:
        """Add a rule by keywords; its id."""
        self._made += 1
        fault = Fault(id=f"fault-{self._made}", since=self._clock.now(), **rule)
        if fault.kind not in {"status", "delay", "timeout", "reset"} or fault.when not in {"before", "after"}:
            raise ValueError(f"unknown kind or when: {fault.kind}, {fault.when}")
        re.compile(fault.path or "")
        self.rules.append(fault)
        return fault.id

    def clear(self, fault: str | None = None) -> None:
        """Remove one rule, or all."""
        self.rules = [rule for rule in self.rules if fault is not None and rule.id != fault]

    def hit(self, method: str, path: str, service: str) -> Fault | None:
        """The rule that hits this request, used up by one."""
        for rule in self.rules:
            if self._matches(rule, method, path, service):
                if rule.skip > 0:
                    rule.skip -= 1
                elif rule.probability >= 1 or self._random.random() < rule.probability:
                    rule.hits += 1
                    return rule
        return None

    def _matches(self, rule: Fault, method: str, path: str, service: str) -> bool:
        if rule.times is not None and rule.hits >= rule.times:
            return False
        if rule.lasts is not None and self._clock.now() >= rule.since + rule.lasts:
            return False
        return (
            (rule.method is None or rule.method.upper() == method)
            and (rule.service is None or rule.service == service)
            and (rule.path is None or re.search(rule.path, path, re.IGNORECASE) is not None)
        )
