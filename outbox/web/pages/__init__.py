"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import (
    account,
    api,
    audit,
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
)
