"""Checks of rights: what this role may do, and what those may do with whose rights changes are captured."""

from outbox.doctor.ground import Finding, Ground
from outbox.drift import Standing, standing
from outbox.resources import query


def check_rights(ground: Ground) -> list[Finding]:
    """This role may do what the daemon does; whether it may install is told."""
    who = ground.connection.execute(query("doctor_role")).one()
    if not who.schema_stands:
        return []
    found = _missing(ground, who.role, "run")
    words = f"{who.role} may run" + (", as a superuser" if who.superuser else "")
    if not who.may_install:
        words += f"; it may not install, for schema outbox belongs to {who.owner}"
    return found or [ground.ok(words)]


def check_capture_rights(ground: Ground) -> list[Finding]:
    """With the rights that capture runs with, notes can be written and the mapping's queries see every row."""
    installed = standing(ground.connection)
    if installed is None:
        return []
    owners = ground.connection.execute(query("doctor_owners")).all()
    found = []
    for row in owners:
        found += _missing(ground, row.owner, "capture")
        for lack in installed.refused_to(row.owner) if row.member else ():
            found.append(ground.fault(f"capture can't read: {lack.words}", f"{lack.mend}; then `outbox recapture`"))
    found += _open_schemas(ground, installed)
    hidden = [row.owner for row in owners if not row.member]
    unseen = f"; this role may not look as {', '.join(hidden)}" if hidden else ""
    return found or [ground.ok(f"capture runs with the rights of {', '.join(row.owner for row in owners)}{unseen}")]


def _missing(ground: Ground, role: str, purpose: str) -> list[Finding]:
    rows = ground.connection.execute(query("doctor_rights"), {"role": role, "purpose": purpose}).all()
    what = "run" if purpose == "run" else "capture"
    return [
        ground.fault(
            f"{role} has not the right to {row.missing} on {row.kind} {row.object}, to {what}",
            f"as its owner: GRANT {row.missing} ON {row.kind.upper()} {row.object} TO {row.quoted}",
        )
        for row in rows
    ]


def _open_schemas(ground: Ground, installed: Standing) -> list[Finding]:
    return [
        ground.warning(
            f"everybody may create objects in schema {name}, which capture looks names up in: what they create could"
            " run with its rights",
            f"as its owner: REVOKE CREATE ON SCHEMA {name} FROM PUBLIC",
        )
        for name in installed.open_schemas()
    ]
