"""Route templates of HTTP triggers."""

import pytest

from devhost.errors import StartError
from devhost.routes import Match, MethodNotAllowed, RouteTable

TABLE = RouteTable(
    [
        ("rest", "{*rest}", ["GET"]),
        ("list", "clusters", ["GET"]),
        ("one", "clusters/{key}", ["GET", "DELETE"]),
        ("numbered", "clusters/{number:int}", ["GET"]),
        ("special", "clusters/new", ["GET"]),
        ("uninstall", "clusters/{key}/uninstall", ["POST"]),
        ("page", "ui/{page=index}", []),
        ("file", "files/{name}.{extension}", ["GET"]),
        ("maybe", "plans/{id?}", ["GET"]),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "clusters", Match("list", {})),
        ("GET", "Clusters/", Match("list", {})),
        ("get", "clusters/abc", Match("one", {"key": "abc"})),
        ("DELETE", "clusters/abc", Match("one", {"key": "abc"})),
        ("GET", "clusters/12", Match("numbered", {"number": "12"})),
        ("GET", "clusters/NEW", Match("special", {})),
        ("GET", "clusters/a%2Fb%20c", Match("one", {"key": "a/b c"})),
        ("POST", "clusters/abc/uninstall", Match("uninstall", {"key": "abc"})),
        ("PATCH", "ui", Match("page", {"page": "index"})),
        ("PATCH", "ui/fleet", Match("page", {"page": "fleet"})),
        ("GET", "files/a.b.csv", Match("file", {"name": "a", "extension": "b.csv"})),
        ("GET", "plans", Match("maybe", {})),
        ("GET", "plans/7", Match("maybe", {"id": "7"})),
        ("GET", "no/such/place", Match("rest", {"rest": "no/such/place"})),
        ("GET", "", Match("rest", {})),
        ("POST", "no/such/place", MethodNotAllowed(("GET",))),
        ("PUT", "clusters/abc", MethodNotAllowed(("DELETE", "GET"))),
    ],
)
def test_the_most_specific_route_wins(method, path, expected):
    """Literals win over constrained parameters, those over plain ones, those over the rest of the path."""
    assert expected == TABLE.match(method, path)


def test_no_route():
    """A path that no template covers is not found, for any method."""
    table = RouteTable([("one", "clusters/{key}", ["GET"])])

    assert table.match("GET", "clusters") is None
    assert table.match("GET", "clusters/a/b") is None
    assert table.match("POST", "elsewhere") is None


@pytest.mark.parametrize("template", ["clusters/{", "clusters/{a b}", "x}/y"])
def test_unreadable_templates_name_the_function(template):
    """A template that cannot be read stops the start with the function's name."""
    with pytest.raises(StartError, match=r"function broken: .*route"):
        RouteTable([("broken", template, [])])
