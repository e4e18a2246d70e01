"""Registers the blueprints. Nothing else."""

import azure.functions as func

from functions import api, cluster_events, notifications, pages, planning, reconcile, sweep

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(cluster_events.blueprint)
app.register_functions(reconcile.blueprint)
app.register_functions(sweep.blueprint)
app.register_functions(notifications.blueprint)
app.register_functions(planning.blueprint)
app.register_functions(api.blueprint)
app.register_functions(pages.blueprint)
