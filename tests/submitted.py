"""What a browser without scripts would send of a form in a page: its successful controls, in order."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

Pairs = list[tuple[str, str]]


@dataclass
class _Select:
    name: str
    options: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def value(self) -> str:
        """The chosen option, else the first."""
        return next((value for value, chosen in self.options if chosen), self.options[0][0])


class _Form(HTMLParser):
    """Collects the controls of one form."""

    def __init__(self, id_: str) -> None:
        super().__init__()
        self.pairs: Pairs = []
        self._id = id_
        self._inside = False
        self._select: _Select | None = None
        self._textarea: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enters the form, or takes a control of it."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == self._id
        if not self._inside:
            return
        if tag == "input":
            self._input(given)
        elif tag == "select":
            self._select = _Select(given["name"])
        elif tag == "option" and self._select is not None:
            self._select.options.append((given["value"], "selected" in given))
        elif tag == "textarea":
            self._textarea = (given["name"], [])

    def _input(self, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind in ("checkbox", "radio") and "checked" not in given:
            return
        if "name" in given and kind not in ("submit", "button"):
            self.pairs.append((given["name"], given.get("value", "on" if kind == "checkbox" else "")))

    def handle_data(self, data: str) -> None:
        """The text of a textarea."""
        if self._textarea is not None:
            self._textarea[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        """Leaves a control, or the form."""
        if tag == "form":
            self._inside = False
        elif tag == "select" and self._select is not None:
            self.pairs.append((self._select.name, self._select.value))
            self._select = None
        elif tag == "textarea" and self._textarea is not None:
            self.pairs.append((self._textarea[0], "".join(self._textarea[1])))
            self._textarea = None


def submitted(html: str, form: str) -> Pairs:
    """The names and values of the form with that id, without any button."""
    reader = _Form(form)
    reader.feed(html)
    assert reader.pairs, f"no form {form!r} in the page: {html[:2_000]}"
    return reader.pairs


def changed(pairs: Pairs, **values: str | list[str] | None) -> Pairs:
    """The form with all values of these names replaced; None leaves them out."""
    kept = [(name, value) for name, value in pairs if name not in values]
    for name, value in values.items():
        if value is not None:
            kept += [(name, one) for one in ([value] if isinstance(value, str) else value)]
    return kept
