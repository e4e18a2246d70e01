"""HTTP: installs by hand, uninstalls, clusters, pauses, approvals, plans, recordings, compliance, policy, health.

Each route but /health wants a key, or behind App Service authentication an app role (functions/callers.py).
"""

import azure.functions as func

from functions.answers import answer, problems_told
from functions.callers import admitted
from functions.health import report_health
from functions.repeating import name_of, once
from functions.revalidation import revalidated
from shared.config import platform_authenticates

blueprint = func.Blueprint()

# The platform's own variable: it changes only with a restart, and whoever is let in is asked for his role.
DOOR = func.AuthLevel.ANONYMOUS if platform_authenticates() else func.AuthLevel.FUNCTION


@blueprint.function_name("install")
@blueprint.route(route="installs", methods=["POST"], auth_level=DOOR)
@problems_told
@once
async def install(req: func.HttpRequest) -> func.HttpResponse:
    """Enrol a cluster by hand and ask for a look; with dryRun say what would be done."""
    from functions.handworks import install_by_hand

    return await install_by_hand(req.get_body(), admitted(req).name)


@blueprint.function_name("clusters")
@blueprint.route(route="clusters", methods=["GET"], auth_level=DOOR)
@problems_told
@revalidated
async def clusters(req: func.HttpRequest) -> func.HttpResponse:
    """The fleet, filtered and paged; with `id` one cluster."""
    from functions.readings import clusters_asked_for

    admitted(req)
    return await clusters_asked_for(dict(req.params))


@blueprint.function_name("cluster")
@blueprint.route(route="clusters/{key}", methods=["GET"], auth_level=DOOR)
@problems_told
@revalidated
async def cluster(req: func.HttpRequest) -> func.HttpResponse:
    """One cluster: facts, decision and why, settings with origins, history."""
    from functions.readings import one_cluster
    from shared.model.identity import ClusterId

    admitted(req)
    return await one_cluster(ClusterId.from_key(req.route_params["key"]))


@blueprint.function_name("uninstall")
@blueprint.route(route="clusters/{key}/uninstall", methods=["POST"], auth_level=DOOR)
@problems_told
@once
async def uninstall(req: func.HttpRequest) -> func.HttpResponse:
    """Remove the extension and keep it removed."""
    from functions.handworks import uninstall_by_hand
    from shared.model.identity import ClusterId

    caller = admitted(req)
    return await uninstall_by_hand(ClusterId.from_key(req.route_params["key"]), req.get_body(), caller.name)


@blueprint.function_name("look")
@blueprint.route(route="clusters/{key}/reconcile", methods=["POST"], auth_level=DOOR)
@problems_told
@once
async def look(req: func.HttpRequest) -> func.HttpResponse:
    """Ask for a look at one cluster."""
    from functions.handworks import ask_for_look
    from shared.model.identity import ClusterId

    caller = admitted(req)
    return await ask_for_look(ClusterId.from_key(req.route_params["key"]), req.get_body(), caller.name)


@blueprint.function_name("withdraw")
@blueprint.route(route="clusters/{key}/intent", methods=["DELETE"], auth_level=DOOR)
@problems_told
async def withdraw(req: func.HttpRequest) -> func.HttpResponse:
    """Withdraw a person's word about one cluster."""
    from functions.handworks import withdraw_word
    from shared.model.identity import ClusterId

    caller = admitted(req)
    return await withdraw_word(ClusterId.from_key(req.route_params["key"]), caller.name)


@blueprint.function_name("pause")
@blueprint.route(route="pauses", methods=["POST"], auth_level=DOOR)
@problems_told
@once
async def pause(req: func.HttpRequest) -> func.HttpResponse:
    """Pause the fleet, a ring or a cluster."""
    from functions.steering import set_pause

    return await set_pause(req.get_body(), admitted(req).name, name_of(req))


@blueprint.function_name("pauses")
@blueprint.route(route="pauses", methods=["GET"], auth_level=DOOR)
@problems_told
async def pauses(req: func.HttpRequest) -> func.HttpResponse:
    """The pauses that stand."""
    from functions.steering import list_pauses

    admitted(req)
    return await list_pauses()


@blueprint.function_name("resume")
@blueprint.route(route="pauses/{id}", methods=["DELETE"], auth_level=DOOR)
@problems_told
async def resume(req: func.HttpRequest) -> func.HttpResponse:
    """End a pause."""
    from functions.steering import end_pause

    return await end_pause(req.route_params["id"], admitted(req).name)


@blueprint.function_name("approvals")
@blueprint.route(route="approvals", methods=["GET"], auth_level=DOOR)
@problems_told
async def approvals(req: func.HttpRequest) -> func.HttpResponse:
    """What waits for an approval, and what was given."""
    from functions.steering import list_approvals

    admitted(req)
    return await list_approvals(req.params)


@blueprint.function_name("approve")
@blueprint.route(route="approvals/{id}", methods=["POST"], auth_level=DOOR)
@problems_told
@once
async def approve(req: func.HttpRequest) -> func.HttpResponse:
    """Approve what waits, or take an approval back."""
    from functions.steering import decide_approval

    return await decide_approval(req.route_params["id"], req.get_body(), admitted(req).name)


@blueprint.function_name("plan")
@blueprint.route(route="plans", methods=["POST"], auth_level=DOOR)
@problems_told
@once
async def plan(req: func.HttpRequest) -> func.HttpResponse:
    """Have a plan made in the background; against another policy than the one in force, where one is sent."""
    from functions.plans import ask_for_plan

    return await ask_for_plan(req.get_body(), admitted(req).name)


@blueprint.function_name("planned")
@blueprint.route(route="plans/{id}", methods=["GET"], auth_level=DOOR)
@problems_told
async def planned(req: func.HttpRequest) -> func.HttpResponse:
    """A plan: what would be done, item by item, and when it would be done."""
    from functions.plans import show_plan

    admitted(req)
    return await show_plan(req.route_params["id"], dict(req.params))


@blueprint.function_name("apply")
@blueprint.route(route="plans/{id}/apply", methods=["POST"], auth_level=DOOR)
@problems_told
@once
async def apply(req: func.HttpRequest) -> func.HttpResponse:
    """Ask for what a plan says; what has changed since is left out."""
    from functions.plans import apply_plan

    return await apply_plan(req.route_params["id"], req.get_body(), admitted(req).name)


@blueprint.function_name("record")
@blueprint.route(route="recordings", methods=["POST"], auth_level=DOOR)
@problems_told
@once
async def record(req: func.HttpRequest) -> func.HttpResponse:
    """Have the fleet recorded in the background, to plan without Azure."""
    from functions.recordings import ask_for_recording

    return await ask_for_recording(req.get_body(), admitted(req).name)


@blueprint.function_name("recorded")
@blueprint.route(route="recordings/{id}", methods=["GET"], auth_level=DOOR)
@problems_told
async def recorded(req: func.HttpRequest) -> func.HttpResponse:
    """A recording of the fleet: how it stands, or its file."""
    from functions.recordings import show_recording

    admitted(req)
    return await show_recording(req.route_params["id"], dict(req.params))


@blueprint.function_name("compliance")
@blueprint.route(route="compliance", methods=["GET"], auth_level=DOOR)
@problems_told
@revalidated
async def compliance(req: func.HttpRequest) -> func.HttpResponse:
    """The figures of the fleet, or what needs a person."""
    from functions.readings import fleet_figures

    admitted(req)
    return await fleet_figures(dict(req.params))


@blueprint.function_name("audit")
@blueprint.route(route="audit", methods=["GET"], auth_level=DOOR)
@problems_told
async def audit(req: func.HttpRequest) -> func.HttpResponse:
    """The days of the audit trail; with `day` its lines, as they stand there."""
    from functions.readings import audit_trail

    admitted(req)
    return await audit_trail(dict(req.params))


@blueprint.function_name("policy")
@blueprint.route(route="policy", methods=["GET"], auth_level=DOOR)
@problems_told
@revalidated
async def policy(req: func.HttpRequest) -> func.HttpResponse:
    """The policy in force, and the last document that was refused."""
    from functions.readings import policy_in_force

    admitted(req)
    return await policy_in_force()


@blueprint.function_name("openapi")
@blueprint.route(route="openapi.json", methods=["GET"], auth_level=DOOR)
@problems_told
@revalidated
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """This API, described for programs."""
    from functions.openapi import document

    admitted(req)
    return answer(document())


@blueprint.function_name("health")
@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Whether this instance can do its work, and what to do where it cannot."""
    del req
    status, body = await report_health()
    return answer(body, status=status)
