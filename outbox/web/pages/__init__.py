"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import account, api, sign_in

ROUTERS = (sign_in.router, account.router, api.router)
