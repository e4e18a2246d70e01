"""The page at its door: who is let in, what he sees, and which forms are taken."""

import html
import re
from typing import Any

import pytest
import requests

from shared.config import page_token
from shared.fleet.choosing import FILTERS
from shared.model.identity import ClusterId
from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage
from tests.scenario.test_entra import OPERATOR, READER, principal

TOKEN = "t" * 43
STAGE = {"settings": {"MUSTER_PAGE_TOKEN": TOKEN}}
PAGES = ("", "/clusters", "/map", "/policy")
FORM = re.compile(r'name="form" value="([A-Za-z0-9_-]+)"')
WISH = {"reason": "a trial", "hours": "4"}


class Visitor:
    """A browser without pictures."""

    def __init__(self, stage: Stage, token: str = TOKEN) -> None:
        self.url = stage.stack.host_urls[0]
        self.session = requests.Session()
        self.entry = self.session.get(f"{self.url}/api/ui?token={token}", timeout=60)

    def get(self, below: str = "", **more: Any) -> requests.Response:
        return self.session.get(f"{self.url}/api/ui{below}", timeout=60, **more)

    def send(self, below: str, fields: dict[str, str], **headers: str) -> requests.Response:
        return self.session.post(
            f"{self.url}/api/ui{below}", data=fields, headers=headers, timeout=60, allow_redirects=False
        )


@pytest.fixture(scope="module")
def cluster(stage: Stage) -> str:
    """One that stands; its tags and its owner try to be more than text."""
    made = stage.control.create_cluster(
        kind="aks",
        name="sound",
        subscription=SUBSCRIPTION,
        tags=SELECTED | {"aml-owner": "<script>alert(1)</script>", "x": '"><img src=x onerror=alert(1)>'},
        emit=False,
    )
    stage.sweep()
    stage.installed(made)
    stage.sweep()
    return made


def place(cluster: str) -> str:
    return f"/clusters/{ClusterId.parse(cluster).key}"


@pytest.mark.parametrize("below", [*PAGES, "/nothing", "/clusters/%00"])
@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}t"])
def test_nobody_is_let_in_without_the_hosts_token(stage: Stage, cluster: str, below: str, token: str) -> None:
    """401 in words, whatever is asked for; and nothing of the fleet is in it."""
    visitor = Visitor(stage, token)
    answer = visitor.get(below)

    assert (visitor.entry.status_code, answer.status_code) == (401, 401)
    assert "address that the host printed" in answer.text
    assert cluster.rpartition("/")[2] not in answer.text


def test_the_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_cannot_use(stage: Stage) -> None:
    """HttpOnly, SameSite=Strict, for the page alone; and the token is not in the address any more."""
    answer = requests.get(f"{stage.stack.host_urls[0]}/api/ui?token={TOKEN}", timeout=60, allow_redirects=False)
    cookie = answer.headers["Set-Cookie"]

    assert (answer.status_code, answer.headers["Location"]) == (303, "/api/ui")
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/api/ui"))
    assert "token" not in Visitor(stage).get().url


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("/clusters?hold=quarantine&token={}", "/api/ui/clusters?hold=quarantine"),
        ("/clusters?token={}&q=a%26b%0d%0aX:%20y&owner=", "/api/ui/clusters?q=a%26b%0D%0AX%3A%20y&owner="),
        ("//elsewhere.example/?token={}", "/api/ui"),
        ("/clusters?token={}" + "&x=1" * 30, "/api/ui/clusters"),
    ],
)
def test_a_link_with_filters_leads_to_where_it_says(stage: Stage, asked: str, place: str) -> None:
    """The token is exchanged and the filters stay, as they were written; no link leads to another site."""
    url = f"{stage.stack.host_urls[0]}/api/ui{asked.format(TOKEN)}"
    answer = requests.get(url, timeout=60, allow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (303, place)


@pytest.mark.parametrize("below", PAGES)
def test_no_page_lets_anything_foreign_in(stage: Stage, cluster: str, below: str) -> None:
    """The policy of content allows this origin's own files and no inline script or style; nobody keeps a page."""
    del cluster
    answer = Visitor(stage).get(below)
    policy = answer.headers["Content-Security-Policy"]

    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(
        r"<script(?! src=\"/api/ui/assets/)|\son[a-z]+=|style=|https?://(?!portal\.azure)", answer.text
    )


def test_the_form_of_the_list_keeps_every_filter(stage: Stage, cluster: str) -> None:
    """Each filter of the API is in it, and what a link asks for stays chosen, even where no cluster has it."""
    del cluster
    asked = dict.fromkeys(FILTERS, "gone") | {"management": "unmanaged", "q": "x"}
    text = Visitor(stage).get("/clusters", params=asked).text
    kept = dict(re.findall(r'<select name="(\w+)">(?:(?!</select>).)*<option selected>(\w+)</option>', text, re.DOTALL))
    kept |= dict(re.findall(r'<input type="search" name="(\w+)" value="(\w+)"', text))

    assert kept == asked


def test_what_owners_write_stays_text(stage: Stage, cluster: str) -> None:
    """Tags are shown as they are written, and a browser does not take them for anything else."""
    text = Visitor(stage).get(place(cluster)).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    assert "<img" not in text


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ("none", {}),
        ("wrong", {}),
        ("right", {"Origin": "https://elsewhere.example"}),
        ("right", {"Origin": "null"}),
        ("right", {"Sec-Fetch-Site": "cross-site"}),
        ("right", {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_a_form_from_elsewhere_is_refused(stage: Stage, cluster: str, form: str, headers: dict[str, str]) -> None:
    """403, and nothing is done: neither without the page's token, nor from another origin that has it."""
    visitor = Visitor(stage)
    token = FORM.findall(visitor.get(place(cluster)).text)[0]
    fields = WISH | ({} if form == "none" else {"form": token if form == "right" else "x" * 43})
    answer = visitor.send(f"{place(cluster)}/pause", fields, **headers)

    assert answer.status_code == 403
    assert stage.get("/api/pauses").body["items"] == []


def test_another_visitors_token_is_no_good(stage: Stage, cluster: str) -> None:
    """It goes with the cookie of the browser that was given it."""
    theirs = FORM.findall(Visitor(stage).get(place(cluster)).text)[0]
    answer = Visitor(stage).send(f"{place(cluster)}/pause", WISH | {"form": theirs})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("below", "fields", "status", "word"),
    [
        ("/pause", {"hours": "0", "reason": "x"}, 400, "hours"),
        ("/pause", {"hours": "99999999999999", "reason": "x"}, 400, "hours"),
        ("/pause", {"hours": "000001999999999999", "reason": "x"}, 400, "hours"),
        ("/pause", {"hours": "721", "reason": "x"}, 400, "hours"),
        ("/pause", {"hours": "4"}, 400, "reason"),
        ("/install", {"profile": "nothing", "reason": "x"}, 422, "profile"),
        ("/nonsense", {}, 404, "no such form"),
        ("/approve", {}, 404, "no such form"),
        ("/withdraw", {}, 404, "Nobody"),
        ("/pause", {"reason": "x" * 20_000}, 400, "larger"),
    ],
)
def test_a_wrong_form_is_told_in_words(
    stage: Stage, cluster: str, below: str, fields: dict[str, str], status: int, word: str
) -> None:
    """The field, and what is wrong with it, on a page; nothing is done."""
    visitor = Visitor(stage)
    token = FORM.findall(visitor.get(place(cluster)).text)[0]
    answer = visitor.send(f"{place(cluster)}{below}", fields | {"form": token})

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert word in answer.text
    assert stage.get("/api/pauses").body["items"] == []


def test_plans_are_made_and_applied_by_forms(stage: Stage, cluster: str) -> None:
    """A plan for the cluster, then one for the fleet that is applied; of what is not as it was, nothing is done."""
    visitor = Visitor(stage)
    token = FORM.findall(visitor.get(place(cluster)).text)[0]

    def made(fields: dict[str, str]) -> str:
        answer = visitor.send("/plans", fields | {"form": token})
        assert answer.status_code == 303
        name = answer.headers["Location"].rpartition("/")[2]
        stage.until(lambda: stage.get(f"/api/plans/{name}").body["status"] == "ready", "the plan")
        return name

    one = made({"cluster": cluster})
    of_one = visitor.get(f"/plans/{one}").text
    fresh = stage.control.create_cluster(kind="aks", name="fresh", subscription=SUBSCRIPTION, tags=SELECTED, emit=False)
    fleet = made({})
    shown = visitor.get(f"/plans/{fleet}")
    digest = re.findall(r'name="digest" value="(\w+)"', shown.text)[0]
    changed = visitor.send(f"/plans/{fleet}/apply", {"form": token, "digest": "0" * 24})
    foreign = visitor.send(f"/plans/{fleet}/apply", {"form": "x" * 43, "digest": digest})
    applied = visitor.send(f"/plans/{fleet}/apply", {"form": token, "digest": digest})
    stage.installed(fresh)
    after = visitor.get(f"/plans/{fleet}").text
    strange = [visitor.get(f"/plans/{name}").status_code for name in ("0" * 32, "..%2fledger", "x")]

    assert "Plan for sound" in of_one
    assert "Nothing to do on 1 cluster" in of_one
    assert "Plan for the fleet" in shown.text
    assert re.search(r"<td>Install</td><td>safe</td><td class=\"number\">1</td>", shown.text)
    assert (changed.status_code, foreign.status_code, applied.status_code) == (409, 403, 303)
    assert applied.headers["Location"] == f"/api/ui/plans/{fleet}?done=apply"
    assert "you applied it at" in after
    assert "<button>Apply" not in after
    assert strange == [404, 404, 404]
    assert visitor.send("/plans", {"form": token, "cluster": "no-such"}).status_code == 400


def test_every_check_is_on_the_page_the_failed_ones_first(stage: Stage, cluster: str) -> None:
    """With what to do; then what was not evaluated; what passed is folded away. The API names the same checks."""
    del cluster
    held = stage.control.create_cluster(
        kind="aks",
        name="old-identity",
        subscription=SUBSCRIPTION,
        tags=SELECTED,
        emit=False,
        properties={"servicePrincipalProfile": {"clientId": "77777777-7777-4777-8777-777777777777"}},
    )
    checks = stage.cluster(held)["preflight"]
    text = html.unescape(Visitor(stage).get(place(held)).text)
    failed, _, rest = text[text.index('id="preflight"') :].partition("<details>")
    folded = rest.partition("</details>")[0]
    [failing] = [each for each in checks if each["verdict"] == "failed" and each["severity"] == "block"]
    passed = [each["id"] for each in checks if each["verdict"] == "passed"]

    assert failing["id"] == "service-principal"
    assert f"<td>{failing['id']}</td><td>block</td><td>{failing['message']}</td><td>{failing['remedy']}</td>" in failed
    assert len(passed) > 3
    assert set(re.findall(r"<tr><td>([a-z0-9-]+)</td><td>passed</td>", folded)) == set(passed)
    assert all(f"<td>{each['id']}</td>" in text for each in checks)


def test_a_pause_is_ended_where_it_is_shown(stage: Stage, cluster: str) -> None:
    """The cluster's page names the pauses that cover it and ends each; the lists name the cluster, not its key."""
    visitor = Visitor(stage)
    token = FORM.findall(visitor.get(place(cluster)).text)[0]
    visitor.send(f"{place(cluster)}/pause", WISH | {"form": token})
    elsewhere = {"scope": "ring/rest", "until": "2999-01-01T00:00:00Z", "reason": "quarter's end"}
    assert stage.post("/api/pauses", elsewhere).status == 201
    shown = visitor.get(place(cluster)).text
    names = [each["id"] for each in stage.get("/api/pauses").body["items"]]
    covering = [each["id"] for each in stage.cluster(cluster)["pauses"]]
    key = ClusterId.parse(cluster).key
    ended = [visitor.send(f"/pauses/{each}", {"form": token, "cluster": key}) for each in names]
    wrong = visitor.send(f"/pauses/{names[0]}", {"form": token, "cluster": "//elsewhere.example"})

    assert sorted(covering) == sorted(names)
    assert all(f'action="/api/ui/pauses/{each}"' in shown for each in names)
    assert "Paused (sound) by you" in shown
    assert "End the pause of ring rest" in shown
    assert [(each.status_code, each.headers["Location"]) for each in ended] == [
        (303, f"/api/ui{place(cluster)}?done=resume")
    ] * 2
    assert wrong.status_code == 400
    assert stage.cluster(cluster)["pauses"] == stage.get("/api/pauses").body["items"] == []


def test_a_borrowed_name_is_refused(stage: Stage) -> None:
    """Where the platform does not authenticate, even with the cookie."""
    assert Visitor(stage).get(headers=OPERATOR).status_code == 400


@pytest.mark.parametrize("below", ["/assets/muster.css", "/assets/muster.js", "/assets/muster.svg"])
def test_the_pages_files_may_be_kept(stage: Stage, below: str) -> None:
    """Their address changes with their content; they hold nothing of the fleet."""
    answer = requests.get(f"{stage.stack.host_urls[0]}/api/ui{below}", timeout=60)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("below", ["/assets/base.html", "/assets/..%2frendering.py", "/assets/", "/assets/a/b"])
def test_no_other_file_is_served(stage: Stage, below: str) -> None:
    """Neither a template nor anything beside them."""
    assert requests.get(f"{stage.stack.host_urls[0]}/api/ui{below}", timeout=60).status_code in {401, 404}


def test_in_azure_no_token_opens_the_page() -> None:
    """There App Service authentication is the only way in."""
    assert page_token({"MUSTER_PAGE_TOKEN": TOKEN}) == TOKEN
    assert page_token({"MUSTER_PAGE_TOKEN": TOKEN, "WEBSITE_INSTANCE_ID": "x"}) == ""


class TestBehindEntra:
    """What the platform's authentication makes of it."""

    @pytest.fixture(scope="class")
    @staticmethod
    def entra(stage: Stage, cluster: str) -> Stage:
        """The same stage, its host restarted behind App Service authentication."""
        del cluster
        stage.stack.restart_host(0, {"WEBSITE_AUTH_ENABLED": "True"})
        return stage

    def test_whoever_is_not_signed_in_is_sent_to_do_so(self, entra: Stage) -> None:
        """And comes back to where he wanted to go; the token of a person's own machine opens nothing."""
        url = f"{entra.stack.host_urls[0]}/api/ui/clusters?token={TOKEN}"
        answer = requests.get(url, timeout=60, allow_redirects=False)

        assert answer.status_code == 303
        assert answer.headers["Location"] == "/.auth/login/aad?post_login_redirect_uri=/api/ui/clusters"

    def test_his_filters_wait_for_him(self, entra: Stage) -> None:
        """A link with filters is good at sign-in, too; a key in it goes no further."""
        url = f"{entra.stack.host_urls[0]}/api/ui/clusters?hold=quarantine&q=a%26b&code=secret"
        answer = requests.get(url, timeout=60, allow_redirects=False)
        to, _, back = answer.headers["Location"].partition("?post_login_redirect_uri=")

        assert (answer.status_code, to) == (303, "/.auth/login/aad")
        assert back == "/api/ui/clusters%3Fhold%3Dquarantine%26q%3Da%2526b"

    def test_a_reader_sees_everything_and_no_form(self, entra: Stage, cluster: str) -> None:
        """And a form that he makes himself is refused."""
        answer = entra.call("GET", f"/api/ui{place(cluster)}", key=False, headers=READER)
        forged = entra.call("POST", f"/api/ui{place(cluster)}/look", b"form=x", key=False, headers=READER)

        plan = entra.call("POST", "/api/plans", {}, key=False, headers=OPERATOR).body["id"]
        shown = entra.call("GET", f"/api/ui/plans/{plan}", key=False, headers=READER)
        policy = entra.call("GET", "/api/ui/policy", key=False, headers=READER)

        assert (answer.status, shown.status, policy.status) == (200, 200, 200)
        assert not any("<form" in each.body for each in (answer, shown, policy))
        assert forged.status == 403
        assert "Fleet.Operator" in forged.body

    def test_without_a_role_there_is_nothing_to_see(self, entra: Stage) -> None:
        """403 in words."""
        answer = entra.call("GET", "/api/ui", key=False, headers=principal())
        assert (answer.status, "Fleet.Reader" in answer.body) == (403, True)

    def test_what_an_operator_does_is_recorded_under_his_name(self, entra: Stage, cluster: str) -> None:
        """And his cookie goes over https alone."""
        page = entra.call("GET", f"/api/ui{place(cluster)}", key=False, headers=OPERATOR)
        cookie, token = page.headers["Set-Cookie"], FORM.findall(page.body)[0]
        form = f"form={token}&hours=4&reason=a+trial".encode()
        headers = OPERATOR | {"Cookie": cookie.partition(";")[0], "Content-Type": "application/x-www-form-urlencoded"}
        answer = entra._session.post(
            f"{entra.stack.host_urls[0]}/api/ui{place(cluster)}/pause",
            data=form,
            headers=headers,
            timeout=60,
            allow_redirects=False,
        )
        pauses = entra.call("GET", "/api/pauses", key=False, headers=READER).body["items"]

        assert answer.status_code == 303
        assert "Secure" in cookie
        assert [each["who"] for each in pauses] == ["ada@example.com"]
