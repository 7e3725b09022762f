"""The app's front door: every trigger, orchestrator and activity is registered here."""

import azure.durable_functions as df
import azure.functions as func

import activities
import orchestrators
import triggers

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
for part in (triggers, orchestrators, activities):
    blueprint = df.Blueprint()
    part.register(blueprint)
    app.register_functions(blueprint)
