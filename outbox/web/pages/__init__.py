"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import (
    account,
    backfill,
    configurations,
    connector,
    connector_acts,
    connector_form,
    connector_versions,
    connectors,
    contracts,
    dashboard,
    expiry,
    not_sent,
    sign_in,
)

ROUTERS = (
    sign_in.router,
    account.router,
    configurations.router,
    connector_form.router,
    connectors.router,
    connector.router,
    connector_acts.router,
    connector_versions.router,
    contracts.router,
    backfill.router,
    not_sent.router,
    expiry.router,
    dashboard.router,
)
