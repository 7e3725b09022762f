"""The app's front door: every trigger, page, orchestrator and activity is registered here."""

import azure.durable_functions as df
import azure.functions as func

import activities
import console
import orchestrators
import triggers
from settings import settings

# A setting that cannot be used ends the start, by its name, instead of a run half-way.
settings()
app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
for part in (triggers, console, orchestrators, activities):
    blueprint = df.Blueprint()
    part.register(blueprint)
    app.register_functions(blueprint)
