"""System: is the installation well, who works, what captures, where history is kept, which settings hold."""

from typing import Literal

from fastapi import APIRouter, Response

from outbox.doctor import Level
from outbox.insight.system import capture_object, settings_in_force, system
from outbox.web.errors import NotFoundError
from outbox.web.visit import Overseeing

router = APIRouter()


@router.get("/system")
def overview(visit: Overseeing, look: Literal["", "now", "again"] = "") -> Response:
    """All that can be told at once; what the doctor finds comes after, or with `look` with it."""
    with visit.site.reading() as connection:
        found = system(connection, within=visit.access.within)
    findings = visit.site.examination.findings(again=look == "again") if look else None
    return visit.page(
        "system/overview.html",
        system=found,
        findings=findings,
        Level=Level,
        retention_days=visit.site.settings.upkeep.retention_days,
        settings=list(settings_in_force(visit.site.settings)),
    )


@router.get("/system/doctor")
def doctor(visit: Overseeing) -> Response:
    """What the doctor finds, as a part of the page."""
    return visit.fragment("system/doctor.html", findings=visit.site.examination.findings(), Level=Level)


@router.get("/system/capture")
def capture(visit: Overseeing, name: str = "") -> Response:
    """One object that installing made, with its definition; without a name, all of them."""
    if not name:
        return visit.redirect("/system#capture")
    with visit.site.reading() as connection:
        found = capture_object(connection, name, within=visit.access.within)
    if found is None:
        raise NotFoundError("There is no such object of the capture installation.")
    return visit.page("system/capture.html", one=found)
