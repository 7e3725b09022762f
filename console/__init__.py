"""The web page people work in: server-rendered, one function below ``/console``, calling the same services as the API.

It imports no activities and speaks HTTP to nobody: a page asks the ledger and the services, and a form posts back to
the console.
"""

from typing import Any, Final

import azure.durable_functions as df
import azure.functions as func

from console.door import serve

METHODS: Final = ("GET", "POST", "PUT")


async def console(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Every page and form of the console."""
    return await serve(req, client)


def register(blueprint: Any) -> None:
    """Register the console on a durable blueprint. No function key: a person is asked for instead."""
    registered = blueprint.durable_client_input(client_name="client")(console)
    registered = blueprint.route(route="console/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)(
        registered
    )
    blueprint.function_name("console")(registered)
