"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import (
    account,
    api,
    audit,
    configurations,
    connector,
    connector_acts,
    connector_form,
    connector_versions,
    connectors,
    dashboard,
    sign_in,
    tokens,
    users,
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
    dashboard.router,
)
