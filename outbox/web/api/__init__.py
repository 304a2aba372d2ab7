"""The REST API: an app of its own under /api/v1, so that it has its own errors and its own OpenAPI document."""

from fastapi import FastAPI

from outbox import __version__
from outbox.web.api import (
    business_units,
    connector_acts,
    connectors,
    contracts,
    expiry,
    me,
    not_sent,
    questions,
)
from outbox.web.api.document import describe
from outbox.web.api.failures import HANDLERS
from outbox.web.site import Site

ROUTERS = (
    *(me.router, business_units.router, connectors.router, connector_acts.router),
    *(contracts.router, not_sent.router, expiry.router, questions.router),
)


def make_api(site: Site) -> FastAPI:
    """The API's app, to be mounted."""
    api = FastAPI(
        title="contract-outbox",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.site = site
    for router in ROUTERS:
        api.include_router(router)
    for error, handler in HANDLERS.items():
        api.add_exception_handler(error, handler)
    describe(api)
    return api
