"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import (
)

ROUTERS = (
)

ROUTERS = (
    sign_in.router,
    account.router,
        api.router, audit.router, users.router, tokens.router, connectors.router, connector.router,
        connector_acts.router, connector_versions.router,
)
