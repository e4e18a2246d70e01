"""Who may see the page, and from where its forms may come.

Behind App Service authentication the app role decides, as for the API; whoever is not signed in is sent to do so. On a
person's own machine the host prints an address with a token, which is exchanged for a cookie. Anywhere else there is
no page. A form is taken only from the page itself: the browser says where it comes from (Sec-Fetch-Site, Origin), and
a token in the form equals the one in a cookie that no other site can read or set (SameSite=Strict).
"""

import hmac
import re
import secrets
from dataclasses import dataclass, replace
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import azure.functions as func

from functions.answers import Forbidden, NotFound, Unauthenticated
from functions.callers import KEY_HOLDER, Caller, admitted, caller_of
from shared.config import page_token, platform_authenticates
from shared.errors import RequestError

ROOT = "/api/ui"
_ENTRY, _FORM = "muster-page", "muster-form"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,64}")
_LARGEST = 16 * 1024
_MOST_FIELDS = 20
# Places of the page as addresses write them; a path that is written in another way leads to the overview.
_PLACE = re.compile(rf"{ROOT}(/[A-Za-z0-9._~%=-]+)*/?")
# Parameters that open a door: they are not carried on.
_SECRETS = frozenset({"token", "code"})
# Nothing but this origin's own files; no frame around it; forms go back to it alone.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would send "Origin: null" with forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever looks at the page.

    Attributes:
        name: shown to him, and recorded with what he does.
        operator: whether forms are shown.
        form: the token that his forms carry; `known` tells that his browser has it already.
    """

    name: str
    operator: bool
    form: str
    known: bool


def visitor(req: func.HttpRequest) -> Visitor:
    """Who looks.

    Raises:
        NotFound: there is no page here.
        Unauthenticated: he is not signed in, or has no cookie of this host.
        Forbidden: his roles do not suffice.
        RequestError: as `caller_of`.
    """
    caller = _caller(req)
    kept = _cookie(req, _FORM)
    known = _TOKEN.fullmatch(kept) is not None
    return Visitor(caller.name, caller.may("POST"), kept if known else secrets.token_urlsafe(32), known)


def _caller(req: func.HttpRequest) -> Caller:
    if platform_authenticates():
        return admitted(req)
    caller = caller_of(req)  # refuses a borrowed name
    token = page_token()
    if not token:
        raise NotFound("The page is served behind App Service authentication only. The API answers with a key.")
    if not hmac.compare_digest(_cookie(req, _ENTRY).encode(), token.encode()):
        raise Unauthenticated("Open the page by the address that the host printed when it started.")
    return replace(caller, name="you") if caller.name == KEY_HOLDER else caller


def entrance(req: func.HttpRequest) -> func.HttpResponse | None:
    """The answer that lets somebody in: a cookie for the host's token, or the way to sign in; None: neither fits."""
    if platform_authenticates():
        return _seen_other(f"/.auth/login/aad?post_login_redirect_uri={quote(_asked_for(req), safe='/')}")
    token, given = page_token(), req.params.get("token", "")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        return None
    return _seen_other(_asked_for(req), _set(req, _ENTRY, token))


def _asked_for(req: func.HttpRequest) -> str:
    """The page that somebody wanted, filters included, secrets not: always one of ours, never another site's."""
    asked = urlsplit(req.url)
    place = asked.path if _PLACE.fullmatch(asked.path) else ROOT
    try:
        given = parse_qsl(asked.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:  # more fields than any page has
        given = []
    query = urlencode([(name, value) for name, value in given if name.lower() not in _SECRETS], quote_via=quote)
    return f"{place}?{query}" if query else place


def fields(req: func.HttpRequest, visitor: Visitor) -> dict[str, str]:
    """The fields of a form, once it is certain that it comes from the page; of a name given twice the first counts.

    Raises:
        Forbidden: the visitor may not do anything, or the form comes from elsewhere.
        RequestError: it is too large, or no form.
    """
    if not visitor.operator:
        raise Forbidden(f"This needs the app role Fleet.Operator, which {visitor.name} does not have.")
    raw = req.get_body()
    if len(raw) > _LARGEST:
        raise RequestError(f"The form is larger than {_LARGEST} bytes.")
    try:
        given = parse_qs(raw.decode(), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise RequestError("The form cannot be read.") from error
    found = {name: values[0] for name, values in given.items()}
    token = found.pop("form", "")
    if not _from_here(req) or not visitor.known or not hmac.compare_digest(token.encode(), visitor.form.encode()):
        raise Forbidden("The form does not come from this page. Open the page again and send it from there.")
    return found


def _from_here(req: func.HttpRequest) -> bool:
    site, origin = req.headers.get("sec-fetch-site"), req.headers.get("origin")
    host = req.headers.get("host") or urlsplit(req.url).netloc
    return site in {None, "same-origin"} and (origin is None or urlsplit(origin).netloc == host)


def page(html: str, req: func.HttpRequest, who: Visitor | None = None, *, status: int = 200) -> func.HttpResponse:
    """A page as an answer, which nobody keeps."""
    headers = _HEADERS | {"Cache-Control": "no-store"}
    if who is not None and not who.known:
        headers["Set-Cookie"] = _set(req, _FORM, who.form)
    return func.HttpResponse(html, status_code=status, headers=headers, mimetype="text/html", charset="utf-8")


def file(content: bytes, kind: str) -> func.HttpResponse:
    """A file whose address changes with its content."""
    headers = _HEADERS | {"Cache-Control": "public, max-age=31536000, immutable", "Content-Type": kind}
    return func.HttpResponse(content, headers=headers)


def onwards(place: str, done: str) -> func.HttpResponse:
    """What follows a form that was taken: a page to look at, so that going back does not send it again."""
    return _seen_other(f"{ROOT}{place}?done={quote(done)}" if done else f"{ROOT}{place}")


def _seen_other(place: str, cookie: str | None = None) -> func.HttpResponse:
    headers = _HEADERS | {"Cache-Control": "no-store", "Location": place}
    if cookie is not None:
        headers["Set-Cookie"] = cookie
    return func.HttpResponse(status_code=303, headers=headers)


def _set(req: func.HttpRequest, name: str, value: str) -> str:
    secure = "" if urlsplit(req.url).scheme == "http" and not platform_authenticates() else "; Secure"
    return f"{name}={value}; Path={ROOT}; HttpOnly; SameSite=Strict{secure}"


def _cookie(req: func.HttpRequest, name: str) -> str:
    try:
        found = SimpleCookie(req.headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""
