"""The pages: one module a part of the navigation, each with a router."""

from outbox.web.pages import account, backfill, contracts, expiry, not_sent, sign_in

ROUTERS = (
    *(sign_in.router, account.router),
    *(contracts.router, backfill.router, not_sent.router, expiry.router),
)
