"""docs/doctor.md, held against the checks that there are."""

import re

from outbox.doctor import SECTIONS
from tests.source_tree import ROOT


def test_the_page_names_every_check_in_its_section() -> None:
    """Sections and checks in the order in which the doctor shows them, a row each, and none that is gone."""
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    told = {
        title: re.findall(r"^\| ([a-z ]+) \|", body, re.MULTILINE)[1:]
        for title, body in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    }
    assert told == {title: list(checks) for title, checks in SECTIONS.items()}
