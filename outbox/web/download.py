"""Answers as files: written whole before they are sent, so that a slow reader holds no transaction open."""

from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import Any, Literal

from fastapi.responses import StreamingResponse

from outbox.answers import print_csv, print_json
from outbox.errors import RefusedError
from outbox.questions.reading import Rows

IN_MEMORY_BYTES = 1_000_000
MOST_BYTES = 1_000_000_000
_PIECE = 65_536
_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}


def download(answer: Rows, file_name: str, *, form: Literal["csv", "json"]) -> StreamingResponse:
    """The rows as a file; raises what reading them raises, and RefusedError for one that gets too long."""
    spool = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 (closed when it is sent)
    out = TextIOWrapper(spool, encoding="utf-8", newline="")
    try:
        rows = _bounded(answer.rows, spool)
        if form == "csv":
            print_csv(rows, answer.columns, out, for_spreadsheets=True)
        else:
            print_json(rows, answer.columns, out)
        out.flush()
        length = spool.tell()
        out.detach()
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "Content-Length": str(length)}
    return StreamingResponse(_pieces(spool), media_type=_TYPES[form], headers=headers)


def _bounded(rows: Iterable[Mapping[str, Any]], spool: "SpooledTemporaryFile[bytes]") -> Iterator[Mapping[str, Any]]:
    for row in rows:
        if spool.tell() > MOST_BYTES:
            raise RefusedError("the answer is longer than 1 GB; narrow the question, or ask by `outbox ask`")
        yield row


def _pieces(spool: "SpooledTemporaryFile[bytes]") -> Iterator[bytes]:
    with spool:
        while piece := spool.read(_PIECE):
            yield piece
