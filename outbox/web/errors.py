"""What ends a request for a page or a call without an answer; the app turns each into a page or a problem."""

from outbox.errors import OutboxError


class NotFoundError(OutboxError):
    """There is no such thing, or none that this person may see: they can't tell which."""


class NotSignedInError(OutboxError):
    """Nobody is signed in, or the session is over."""


class ForbiddenError(OutboxError):
    """The person may not do this; the message says what it needs."""
