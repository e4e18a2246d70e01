"""The page: /api/ui and below. Server-rendered; docs/page.md says what is where."""

from collections.abc import Mapping
from typing import Any

import azure.functions as func

from shared import logs
from shared.errors import MusterError

blueprint = func.Blueprint()

# Groups of the map; the first one is meant where none is named.
_GROUPS = ("subscription", "region", "ring")
_PARTS = 2


@blueprint.function_name("page")
@blueprint.route(route="ui/{*path}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show(req: func.HttpRequest) -> func.HttpResponse:
    """A page, or a file that pages refer to; who may see it is asked in functions/page_doors.py."""
    from functions.page_doors import entrance, file, page, visitor
    from shared.report.rendering import ASSETS, asset

    path = _path(req)
    if path[:1] == ["assets"] and len(path) == _PARTS and path[1] in ASSETS:
        return file(asset(path[1]), ASSETS[path[1]])
    try:
        who = visitor(req)
        return page(await _page(path, req, who), req, who)
    except MusterError as error:
        from functions.answers import Unauthenticated

        way_in = entrance(req) if isinstance(error, Unauthenticated) else None
        return way_in or _problem(req, error)


@blueprint.function_name("page_form")
@blueprint.route(route="ui/{*path}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def take(req: func.HttpRequest) -> func.HttpResponse:
    """A form of a page: what it asks for goes the way of the API."""
    from functions.page_doors import fields, onwards, visitor
    from functions.page_forms import taken

    try:
        who = visitor(req)
        place, done = await taken(_path(req), fields(req, who), who.name)
    except MusterError as error:
        return _problem(req, error)
    return onwards(place, done)


def _path(req: func.HttpRequest) -> list[str]:
    return [part for part in (req.route_params.get("path") or "").split("/") if part]


async def _page(path: list[str], req: func.HttpRequest, who: Any) -> str:
    from functions.answers import NotFound
    from functions.page_doors import ROOT
    from functions.page_forms import DONE
    from shared.composition import house
    from shared.report.rendering import render

    home = await house()
    name, view = await _view(home, path, dict(req.params))
    if view is None:
        raise NotFound("There is no such page.")
    done = DONE.get(req.params.get("done", ""), "")
    here = path[0] if path else ""
    form = who.form if who.operator else ""
    return render(name, root=ROOT, here=here, who=who.name, form=form, done=done, **view)


async def _view(home: Any, path: list[str], params: Mapping[str, str]) -> tuple[str, dict[str, Any] | None]:
    from functions import page_views
    from functions.readings import cluster_view
    from shared.model.identity import ClusterId

    match path:
        case []:
            return "overview", await page_views.overview_of(home)
        case ["clusters"]:
            return "clusters", await page_views.list_of(home, params)
        case ["clusters", key]:
            return "cluster", await page_views.cluster_of(home, await cluster_view(home, ClusterId.from_key(key)))
        case ["map"]:
            by = params.get("by", "")
            return "map", await page_views.map_of(home, by if by in _GROUPS else _GROUPS[0])
        case ["policy"]:
            return "policy", await page_views.policy_of(home)
        case ["plans", plan]:
            from functions.page_plans import plan_of

            return "plan", await plan_of(home, plan, params)
        case _:
            return "", None


def _problem(req: func.HttpRequest, error: MusterError) -> func.HttpResponse:
    from functions.answers import status_of
    from functions.page_doors import ROOT, page
    from shared.report.rendering import render

    status, title = status_of(error)
    logs.event("request-refused", route="page", code=type(error).__name__, reason=error.message)
    frame = {
        "mode": "",
        "as_of": None,
        "complete": True,
        "fresh": False,
        "stale": False,
        "single": False,
        "here": "",
        "who": "",
        "done": "",
    }
    findings = getattr(error, "findings", ())
    html = render("problem", root=ROOT, title=title, detail=error.message, findings=findings, **frame)
    return page(html, req, status=status)
