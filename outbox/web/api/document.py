"""The OpenAPI document: what FastAPI tells of the operations, and the schemas that they name beside it."""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from outbox.web.api.bulk import Bulk
from outbox.web.api.connector_bodies import ConnectorBody, ConnectorPatch, Disabling
from outbox.web.api.problems import Problem
from outbox.web.api.questions import Asking

WORDS: Final = (
    "What the pages show and do, for programs. Each call carries `Authorization: Bearer TOKEN`; a token has a role and"
    " may be limited to business units, of the others it sees nothing. Numbers keep every digit, moments are UTC."
    " Lists come by pages: follow `next`. A change of a connector says by `If-Match` which version it means."
    " What can't be done is told as problem details (RFC 9457)."
)
_UNSAID: Final = "Successful Response"
"""What FastAPI says where nobody says more; the shape's own words say more."""
BODIES: Final[tuple[type[BaseModel], ...]] = (ConnectorBody, ConnectorPatch, Disabling, Asking, Bulk)


def complete(made: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's document with the shapes of bodies, which are read by ourselves, and of problems."""
    _, own = models_json_schema(
        [*((body, "validation") for body in BODIES), (Problem, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = made["components"]["schemas"]
    schemas.update(own["$defs"])
    for operation in (one for operations in made["paths"].values() for one in operations.values()):
        well = operation["responses"].get("200", {})
        if well.get("description") == _UNSAID:
            shape = well["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            well["description"] = schemas[shape]["description"]
    return made
