"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import account, audit, sign_in, system, tokens, users

ROUTERS = (sign_in.router, account.router, audit.router, users.router, tokens.router, system.router)
