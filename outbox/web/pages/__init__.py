"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import (
    account,
    configurations,
    connector_form,
    sign_in,
)

ROUTERS = (
    sign_in.router,
    account.router,
    api.router,
    audit.router,
    users.router,
    tokens.router,
    connectors.router,
    connector.router,
    connector_acts.router,
    connector_versions.router,
    configurations.router,
    connector_form.router,
)
