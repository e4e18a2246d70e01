"""`when`: an expression in CEL about a cluster, with a third answer for what is not known.

The official semantics know true, false and error. Here `&&`, `||`, `!` and `? :` are decided outside
the engine, in Kleene's three-valued logic: a part that reads a fact which is not known is unknown, and
the whole is unknown unless the other parts decide alone (`cluster.kind == "aks" && cluster.gpu` is false
on Arc, whatever `gpu` is). Everything below those operators is evaluated by cel-python.

Expressions are bounded: short, not deep, no comprehension inside another, no `reduce`. cel-python takes
a fifth of a second to import, so that happens on the first expression and never for a policy without one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from shared.errors import InputError
from shared.policy.facts import FACTS, Facts, Unknown
from shared.policy.words import nearest

MAX_LENGTH = 500
MAX_NESTING = 12

_COMPREHENSIONS = frozenset({"exists", "exists_one", "all", "map", "filter"})
_UNBOUNDED = frozenset({"reduce", "min"})
_METHODS = frozenset({"contains", "startsWith", "endsWith", "matches", "size"}) | _COMPREHENSIONS
_FUNCTIONS = frozenset({"has", "size", "int", "uint", "double", "string", "bool", "matches"})
# Trees with one child that only pass their child's value on.
_PASSING = frozenset({"expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication"})
_WRAPPING = _PASSING | {"unary", "member", "primary", "paren_expr"}


class ExpressionError(InputError):
    """An expression that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The expression could not be evaluated for this cluster."""

    message: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. Two are equal when their texts are."""

    text: str
    tree: Any = field(compare=False, repr=False)

    def evaluate(self, facts: Facts) -> bool | Unknown | Failure:
        """Whether it holds for a cluster; Unknown where that depends on a fact nobody has told."""
        return _Evaluation(facts).truth(self.tree)

    @property
    def reads(self) -> frozenset[str]:
        """The facts that it hangs on."""
        return frozenset(_read_facts(self.tree))

    def settled(self, known: Mapping[str, object]) -> bool | Unknown | Failure:
        """What it gives for every cluster with these facts, whatever its other facts and its tags are.

        Unknown where it hangs on those; a Failure fails for every cluster.
        """
        found = _Evaluation(Facts(values=known, tags={}), tags_known=False).truth(self.tree)
        reads = self.reads
        return Unknown(min(reads)) if isinstance(found, Failure) and reads else found


def compile_expression(text: str) -> Expression:
    """Parse and check an expression.

    Raises:
        ExpressionError: it does not parse, is too big, reads what there is not, or is not a yes or no.
    """
    from celpy.celparser import CELParseError

    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression is longer than {MAX_LENGTH} characters")
    if _nesting(text) > MAX_NESTING or text.count("!") > MAX_NESTING or text.count("?") > MAX_NESTING:
        raise ExpressionError(f"the expression is nested deeper than {MAX_NESTING}")
    try:
        tree = _engine().compile(text)
        _check(tree)
        sample = _Evaluation(_SAMPLE).truth(tree)
    except CELParseError as error:
        column = f" at column {error.column}" if error.column else ""
        raise ExpressionError(f"this is not CEL{column}") from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deep") from error
    if isinstance(sample, Failure) and sample.message.startswith(_TYPES):
        raise ExpressionError(sample.message)
    return Expression(text, tree)


_TYPES = "types do not fit"
_SAMPLE = Facts(
    values={
        "id": "/subscriptions/00000000-0000-0000-0000-000000000000",
        "name": "sample",
        "kind": "aks",
        "subscription": "00000000-0000-0000-0000-000000000000",
        "resourceGroup": "sample",
        "location": "westeurope",
        "nodes": 3,
        "cores": 12,
        "gpu": True,
        "gpuModels": ("Standard_NC6s_v3",),
        "kubernetesVersion": "1.33.1",
        "distribution": "aks",
    },
    tags={},
)


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


class _Evaluation:
    """One expression over the facts of one cluster."""

    def __init__(self, facts: Facts, *, tags_known: bool = True) -> None:
        self.facts = facts
        self.tags_known = tags_known

    def truth(self, tree: Any) -> bool | Unknown | Failure:
        whole = tree
        while tree.data in _WRAPPING and len(tree.children) == 1 and hasattr(tree.children[0], "data"):
            tree = tree.children[0]
        if tree.data == "conditionalor":
            return self._decided_by(tree.children, decisive=True)
        if tree.data == "conditionaland":
            return self._decided_by(tree.children, decisive=False)
        if tree.data == "unary" and tree.children[0].data == "unary_not":
            inner = self.truth(tree.children[1])
            return not inner if isinstance(inner, bool) else inner
        if tree.data == "expr":
            condition = self.truth(tree.children[0])
            return self.truth(tree.children[1 if condition else 2]) if isinstance(condition, bool) else condition
        return self._leaf(whole)  # cel-python wants the wrapping: it tells a call from a name there

    def _decided_by(self, operands: list[Any], *, decisive: bool) -> bool | Unknown | Failure:
        """OR (`decisive` true) and AND (false): one decisive operand is enough, whatever the others are."""
        open_answer: Unknown | Failure | None = None
        for operand in operands:
            found = self.truth(operand)
            if found is decisive:
                return decisive
            if not isinstance(found, bool) and open_answer is None:
                open_answer = found
        return open_answer if open_answer is not None else not decisive

    def _leaf(self, tree: Any) -> bool | Unknown | Failure:
        from celpy import celtypes

        for fact in _read_facts(tree):
            known = self.tags_known if fact == "tags" else self.facts.values.get(fact) is not None
            if not known:
                return Unknown(fact)
        try:
            value = _engine().program(tree).evaluate({"cluster": _cluster(self.facts)})
        except Exception as error:  # noqa: BLE001  cel-python lets Python's own errors through; all mean: no answer
            return Failure(_told(error))
        if not isinstance(value, (bool, celtypes.BoolType)):
            return Failure(f"{_TYPES}: the expression must give true or false")
        return bool(value)


def _told(error: Exception) -> str:
    """cel-python's error in one line for people."""
    kind = error.args[1] if len(error.args) > 1 else type(error)
    message = str(error.args[0]) if error.args else "unknown error"
    if kind is TypeError:
        cause = error.args[2][0] if len(error.args) > 2 and error.args[2] else message
        return f"{_TYPES}: {re.sub(r" ?<class '[^']*'>", '', str(cause))}"
    return message.split(" (in activation")[0]


def _cluster(facts: Facts) -> Any:
    from celpy import celtypes

    text = celtypes.StringType
    cluster: dict[Any, Any] = {}
    for name in FACTS:
        value = facts.values.get(name)
        if isinstance(value, bool):
            cluster[text(name)] = celtypes.BoolType(value)
        elif isinstance(value, int):
            cluster[text(name)] = celtypes.IntType(value)
        elif isinstance(value, tuple):
            cluster[text(name)] = celtypes.ListType([text(item) for item in value])
        elif isinstance(value, str):
            cluster[text(name)] = text(value)
    cluster[text("tags")] = _tags(facts.tags)
    return celtypes.MapType(cluster)


def _tags(tags: Mapping[str, str]) -> Any:
    """The tags as a CEL map whose keys compare without case, as Azure's tag names do."""
    from celpy import celtypes

    tag_name, tag_map = _tag_types()
    return tag_map({tag_name(name): celtypes.StringType(value) for name, value in tags.items()})


@cache
def _tag_types() -> tuple[Any, Any]:
    """The types of a tag's name and of all tags; made late, because cel-python is imported late."""
    from celpy import celtypes

    class TagName(celtypes.StringType):
        """A tag's name in lower case; `"ENV" in cluster.tags` finds `env`."""

        __slots__ = ()

        def __eq__(self, other: object) -> Any:
            return celtypes.BoolType(str(self) == str(other).casefold())

        __hash__ = celtypes.StringType.__hash__

    class Tags(celtypes.MapType):
        """Looks names up in lower case."""

        def __getitem__(self, key: object) -> Any:
            return super().__getitem__(TagName(str(key).casefold()))

        def __contains__(self, key: object) -> bool:
            return super().__contains__(TagName(str(key).casefold()))

        def get(self, key: object, default: Any = None) -> Any:
            return super().get(TagName(str(key).casefold()), default)

    return TagName, Tags


@cache
def _engine() -> Any:
    """cel-python's environment; it holds no state of ours."""
    import celpy

    return celpy.Environment()


def _trees(tree: Any) -> Iterator[Any]:
    """The tree and all trees below it."""
    waiting = [tree]
    while waiting:
        here = waiting.pop()
        yield here
        waiting.extend(child for child in reversed(here.children) if hasattr(child, "data"))


def _name(tree: Any) -> str | None:
    """The identifier that a tree consists of, or None."""
    while tree.data in _WRAPPING and len(tree.children) == 1:
        tree = tree.children[0]
    return cast("str", tree.children[0].value) if tree.data == "ident" else None


def _read_facts(tree: Any) -> list[str]:
    dots = (node for node in _trees(tree) if node.data == "member_dot")
    return [str(dot.children[1].value) for dot in dots if _name(dot.children[0]) == "cluster"]


def _check(tree: Any) -> None:
    """Refuse what reads other names than `cluster.<fact>`, and what may take long."""
    reads = bare = 0
    variables = set()
    for node in _trees(tree):
        if node.data == "member_dot" and _name(node.children[0]) == "cluster":
            _known(str(node.children[1].value), FACTS, "cluster.")
            reads += 1
        elif node.data == "member_dot_arg":
            variables |= _method(node)
        elif node.data in {"ident_arg", "dot_ident_arg"}:
            _call(node)
        elif node.data in {"member_object", "dot_ident"}:
            raise ExpressionError("messages of protocol buffers are not known here")
        elif node.data == "ident" and node.children[0].value == "cluster":
            bare += 1
    if bare != reads:
        raise ExpressionError(f"`cluster` alone says nothing; write cluster.<fact>, one of {', '.join(FACTS)}")
    names = {str(node.children[0].value) for node in _trees(tree) if node.data == "ident"}
    for name in sorted(names - variables - {"cluster"}):
        raise ExpressionError(f"'{name}' is not known here; only `cluster` is{_quote_hint(name)}")


def _quote_hint(name: str) -> str:
    return f" (write cluster.{name})" if name in FACTS else f' (as a text, write "{name}")'


def _known(name: str, names: Any, prefix: str = "") -> None:
    if name not in names:
        raise ExpressionError(f"there is no {prefix}{name}{nearest(name, names)}")


def _method(node: Any) -> set[str]:
    """Check one method call; the variables that it binds."""
    name = str(node.children[1].value)
    if name in _UNBOUNDED:
        raise ExpressionError(f"{name}() is not allowed here")
    _known(name, _METHODS, "method ")
    if name not in _COMPREHENSIONS or len(node.children) < 3:
        return set()
    arguments = node.children[2].children
    inner = (below for argument in arguments for below in _trees(argument) if below.data == "member_dot_arg")
    if any(str(below.children[1].value) in _COMPREHENSIONS for below in inner):
        raise ExpressionError(f"{name}() may not hold another comprehension")
    variable = _name(arguments[0])
    return {variable} if variable else set()


def _call(node: Any) -> None:
    name = str(node.children[0].value)
    _known(name, _FUNCTIONS, "function ")
    if name != "has":
        return
    for dot in _trees(node):
        if dot.data == "member_dot" and _name(dot.children[0]) == "cluster" and dot.children[1].value != "tags":
            raise ExpressionError("has() is for tags, has(cluster.tags.x); an unknown fact holds by itself")
