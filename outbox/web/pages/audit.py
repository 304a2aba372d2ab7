"""Audit: the named questions as forms, their answers as tables, files and documents."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal
from zoneinfo import available_timezones

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from outbox.errors import ConfigurationError, RefusedError
from outbox.insight.questions import LONGEST_CELL, Head, Offered, answering, connector_choices, head_of, offered
from outbox.model import Trigger
from outbox.questions import PAGES, Answer
from outbox.questions.declaration import Kind, NamedQuestion
from outbox.questions.reading import Page, Rows
from outbox.web.cells import cell
from outbox.web.download import download
from outbox.web.errors import NotFoundError
from outbox.web.render import link
from outbox.web.visit import Looking, Visit

router = APIRouter()
PAGE_SECONDS, DOWNLOAD_SECONDS = 20.0, 60.0
_OPTIONS = re.compile(r"(?P<options>--[a-z0-9-]+(?:, --[a-z0-9-]+)*): (?P<words>.*)", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_DOCUMENT_POLICY: Final = (
    "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " sandbox allow-scripts"
)
"""No script of the document runs, by default-src; with scripts switched off as a whole no tool could examine it."""
_NO_QUESTION: Final = "There is no such question."


@router.get("/audit")
def questions(visit: Looking) -> Response:
    """The questions that have a name."""
    found = offered(visit.site.settings.folder, within=visit.access.within)
    return visit.page("audit/questions.html", ours=_shelved(found, own=False), own=_shelved(found, own=True))


@router.get("/audit/questions/{name}")
def question(visit: Looking, name: str) -> Response:
    """One question as a form, with its answer where the query has values."""
    asked = _askable(visit, name)
    written = _written(asked[1], visit)
    faults: dict[str, list[str]] = {}
    head, document, status = None, False, 200
    if visit.request.query_params:
        try:
            with _answer(visit, asked[0], written, seconds=PAGE_SECONDS) as given:
                head = head_of(given) if isinstance(given, Rows) else None
                document = isinstance(given, Page)
        except ConfigurationError as error:
            faults, status = _placed(error.faults), 422
        except RefusedError as error:
            faults, status = {"": [str(error)]}, 409
    return visit.page(
        "audit/question.html",
        status=status,
        offered=asked[0],
        question=asked[1],
        written=written,
        faults=faults,
        table=None if head is None else _table(head),
        document=document,
        answer=lambda form: link(f"/audit/questions/{name}/answer{form}", written),
        choices=_choices(visit, asked[1]),
    )


@router.get("/audit/questions/{name}/answer.{form}")
def answer_file(visit: Looking, name: str, form: Literal["csv", "json", "html"]) -> Response:
    """The whole answer as a file."""
    one, question = _askable(visit, name)
    if (form == "html") != _is_document(one):
        raise NotFoundError(_NO_QUESTION)
    with _answer(visit, one, _written(question, visit), seconds=DOWNLOAD_SECONDS) as given:
        if isinstance(given, Page):
            return _document(given, f"{name}.html")
        return download(given, f"{name}.{form}", form="csv" if form == "csv" else "json")


@router.get("/audit/questions/{name}/answer")
def answer_document(visit: Looking, name: str) -> Response:
    """An answer that is a document, to be read in the browser."""
    one, question = _askable(visit, name)
    if not _is_document(one):
        raise NotFoundError(_NO_QUESTION)
    with _answer(visit, one, _written(question, visit), seconds=DOWNLOAD_SECONDS) as given:
        return _document(given, None) if isinstance(given, Page) else visit.redirect(f"/audit/questions/{name}")


def _is_document(one: Offered) -> bool:
    return not one.shelved.own and one.shelved.name in PAGES


@contextmanager
def _answer(visit: Visit, one: Offered, written: Mapping[str, str | None], *, seconds: float) -> Iterator[Answer]:
    """The answer, on record with who asked what; few are asked at one time, so that others get their turn."""
    if one.refusal is not None:
        raise RefusedError(one.refusal)
    if not visit.site.asking.acquire(timeout=1):
        raise RefusedError("as many questions as may be at one time are being asked now; try again in a moment")
    try:
        limits: dict[str, Any] = {"seconds": seconds, "max_bytes": visit.site.settings.report.max_bytes}
        within = visit.access.within
        with answering(visit.site.patient_engine, one.shelved, written, within=within, **limits) as given:
            with visit.site.writing() as connection:
                told = {key: value for key, value in written.items() if value is not None}
                visit.record(connection, "asked", f"question {one.shelved.name!r}", within, **told)
            yield given
    finally:
        visit.site.asking.release()


def _askable(visit: Visit, name: str) -> tuple[Offered, NamedQuestion]:
    one = offered(visit.site.settings.folder, within=visit.access.within).get(name)
    if one is None or one.question is None:
        raise NotFoundError(_NO_QUESTION)
    return one, one.question


def _shelved(found: Mapping[str, Offered], *, own: bool) -> list[Offered]:
    return [one for _, one in sorted(found.items()) if one.shelved.own is own]


def _written(question: NamedQuestion, visit: Visit) -> dict[str, str | None]:
    """What was typed for each parameter; an empty field was left out, and a box that isn't ticked says no."""
    query = visit.request.query_params
    return {one.name: query.get(one.name, "").strip() or None for one in question.parameters}


def _placed(faults: tuple[str, ...]) -> dict[str, list[str]]:
    """Faults by the parameter that they are about; those about none under the empty name."""
    placed: dict[str, list[str]] = {}
    for fault in faults:
        found = _OPTIONS.fullmatch(fault)
        for option in found["options"].split(", ") if found else [""]:
            words = found["words"] if found else fault
            placed.setdefault(option.removeprefix("--").replace("-", "_"), []).append(words)
    return placed


def _table(head: Head) -> dict[str, Any]:
    rows = [[cell(name, row, LONGEST_CELL) for name in head.columns] for row in head.rows]
    return {"columns": [name.replace("_", " ") for name in head.columns], "rows": rows, "more": head.more}


def _choices(visit: Visit, question: NamedQuestion) -> dict[str, list[tuple[str, str]]]:
    """What may be chosen, by kind of parameter: value and words."""
    kinds = {one.kind for one in question.parameters}
    found: dict[str, list[tuple[str, str]]] = {Kind.TRIGGER.value: [(one.value, one.value) for one in Trigger]}
    if Kind.CONNECTOR in kinds:
        with visit.site.reading() as connection:
            names = connector_choices(connection, within=visit.access.within)
        found[Kind.CONNECTOR.value] = [(name, name) for name in names]
    if Kind.BUSINESS_UNIT in kinds:
        known = {**{one: one for one in visit.access.within or ()}, **visit.unit_names}
        found[Kind.BUSINESS_UNIT.value] = sorted(known.items(), key=lambda one: one[1])
    if Kind.ZONE in kinds:
        places = (zone for zone in sorted(available_timezones()) if "/" in zone and not zone.startswith("Etc/"))
        found[Kind.ZONE.value] = [(zone, zone) for zone in places]
    return found


def _document(page: Page, file_name: str | None) -> HTMLResponse:
    """As a file, or to be read here: no script, no request, its style known by its digest, out of this site's reach."""
    if file_name is not None:
        return HTMLResponse(page.html, headers={"Content-Disposition": f'attachment; filename="{file_name}"'})
    style = "".join(_STYLE.findall(page.html))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return HTMLResponse(page.html, headers={"Content-Security-Policy": _DOCUMENT_POLICY.format(digest)})
