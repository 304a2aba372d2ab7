"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import (
    account,
    audit,
    changes,
    connector,
    connector_acts,
    connector_versions,
    connectors,
    sign_in,
    system,
    tokens,
    users,
)

ROUTERS = (
    sign_in.router,
    account.router,
    connectors.router,
    connector.router,
    connector_acts.router,
    connector_versions.router,
    audit.router,
    changes.router,
    system.router,
    users.router,
    tokens.router,
)
