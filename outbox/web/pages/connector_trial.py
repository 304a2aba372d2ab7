"""Send test, for a connector as it stands."""

from fastapi import APIRouter, Response

from outbox.web.configuring.editing import opened_editing, owned_connector
from outbox.web.configuring.sending import send_test
from outbox.web.configuring.showing import WORDS
from outbox.web.pages.connectors import LIST
from outbox.web.visit import Operating

router = APIRouter()


@router.post(LIST + "/{connector_id:int}/test")
def send(visit: Operating, connector_id: int) -> Response:
    """Sends a test through the real sender, and shows the answer."""
    with visit.site.reading() as connection:
        standing = owned_connector(visit, connection, connector_id)
    answer = send_test(visit, opened_editing(standing))
    return visit.page("connectors/test.html", **WORDS, connector=standing, name=standing.spec.name, answer=answer)
