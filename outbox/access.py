"""Who may see and do what on the pages and by the API: roles, permissions, and the limit to business units (pure)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from outbox.model import ALL_BUSINESS_UNITS

Within: TypeAlias = tuple[str, ...] | None
"""The ids of the business units that somebody is limited to; None: not limited."""


class Role(StrEnum):
    """What somebody is here for; each may do all that the one before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a page or a call asks of who uses it."""

    LOOK = "look"
    OVERSEE = "oversee"
    OPERATE = "operate"
    CONFIGURE = "configure"
    ADMINISTER = "administer"


ROLE_WORDS: Final[Mapping[Role, str]] = {
    Role.VIEWER: "sees what was sent, what wasn't and why",
    Role.OPERATOR: "also replays, cancels, holds, releases, enables, disables and tests",
    Role.ADMIN: "also creates, edits and removes connectors; not limited to business units: users and tokens too",
}
_LEAST: Final[Mapping[Permission, Role]] = {
    Permission.LOOK: Role.VIEWER,
    Permission.OVERSEE: Role.VIEWER,
    Permission.OPERATE: Role.OPERATOR,
    Permission.CONFIGURE: Role.ADMIN,
    Permission.ADMINISTER: Role.ADMIN,
}
_UNLIMITED: Final = frozenset({Permission.OVERSEE, Permission.ADMINISTER})
"""What concerns all business units, so nobody who is limited to some."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one person, or one token, may: `who` is the name on record, `via` the way they came."""

    who: str
    role: Role
    within: Within
    via: Literal["page", "api", "command"] = "page"

    def may(self, permission: Permission) -> bool:
        """Whether the permission is theirs."""
        return self.refusal(permission) is None

    def refusal(self, permission: Permission) -> str | None:
        """Why the permission isn't theirs, in words; None where it is."""
        roles, least = list(Role), _LEAST[permission]
        if roles.index(self.role) < roles.index(least):
            return f"expected the role {least} for this, got {self.role}; ask an admin"
        if permission in _UNLIMITED and self.within is not None:
            return (
                "this concerns all business units, and you are limited to"
                f" {', '.join(self.within)}; ask an admin who isn't"
            )
        return None

    def sees(self, business_unit: str | None) -> bool:
        """Whether what belongs to this business unit is theirs to see; what belongs to none is for the unlimited."""
        return self.within is None or business_unit in self.within

    def sees_connector(self, units: Collection[str]) -> bool:
        """Whether a connector of these business units reports something that they may see."""
        return self.within is None or ALL_BUSINESS_UNITS in units or not set(units).isdisjoint(self.within)

    def owns(self, units: Collection[str]) -> bool:
        """Whether a connector of these business units is theirs alone to change."""
        return self.within is None or set(units) <= set(self.within)
