"""The pages for people, held against what they tell of."""

import re

from outbox.doctor import SECTIONS
from tests.source_tree import ROOT


def test_the_doctors_page_names_every_check_in_its_section() -> None:
    """Sections and checks in the order in which the doctor shows them, a row each, and none that is gone."""
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    told = {
        title: re.findall(r"^\| ([a-z ]+) \|", body, re.MULTILINE)[1:]
        for title, body in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    }
    assert told == {title: list(checks) for title, checks in SECTIONS.items()}


def test_decisions_stand_in_the_order_of_their_numbers() -> None:
    """Each once, and none left out: others refer to them by number."""
    page = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"^## (\d+)\. ", page, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_readme_names_every_page() -> None:
    """What operators need is found from there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    documents = readme.partition("\n## Documents\n")[2].partition("\n## ")[0]
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert pages <= set(re.findall(r"^- \[([^\]]+)\]", documents, re.MULTILINE))
