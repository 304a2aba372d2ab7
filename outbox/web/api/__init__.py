"""The REST API: an app of its own under /api/v1, so that it has its own errors and its own OpenAPI document."""

from functools import cache
from typing import Any, Final

from fastapi import FastAPI

from outbox import __version__
from outbox.web.api import (
    bulk,
    business_units,
    connector_acts,
    connectors,
    contracts,
    deliveries,
    events,
    expiry,
    health,
    me,
    not_sent,
    questions,
)
from outbox.web.api.document import WORDS, complete
from outbox.web.api.failures import HANDLERS
from outbox.web.site import Site

ROUTERS: Final = (
    *(me.router, business_units.router, connectors.router, connector_acts.router),
    *(
        events.router,
        deliveries.router,
        bulk.router,
        contracts.router,
        not_sent.router,
        expiry.router,
        questions.router,
        health.router,
    ),
)


def make_api(site: Site) -> FastAPI:
    """The API's app, to be mounted."""
    api = _bare()
    api.state.site = site
    for error, handler in HANDLERS.items():
        api.add_exception_handler(error, handler)
    api.openapi = document  # type: ignore[method-assign]
    return api


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, the same at every site."""
    return complete(_bare().openapi())


def _bare() -> FastAPI:
    api = FastAPI(
        title="contract-outbox",
        version=__version__,
        description=WORDS,
        servers=[{"url": "/api/v1"}],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        api.include_router(router)
    return api
