"""Where questions stand: those that came with this installation, and a folder of the operator's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from outbox.errors import ConfigurationError
from outbox.questions.declaration import NamedQuestion, declare
from outbox.resources import folder

OWN_FOLDER = "questions"
"""In the configuration folder: *.sql files of one's own, asked as ours are."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A question's file; without `question` it can't be asked, and `faults` say why."""

    name: str
    own: bool
    question: NamedQuestion | None
    faults: tuple[str, ...] = ()


def shelf(configuration: Path) -> dict[str, Shelved]:
    """Every question by its name, ours first; an own file can't take the name of one of ours."""
    found = {name: _read(name, path, own=False) for name, path in _files(folder("sql") / "audit" / "questions")}
    for name, path in _files(configuration / OWN_FOLDER):
        if name in found:
            taken = f"question {name}: expected a name of its own, got that of one of ours; rename {path}"
            found[f"{name}.sql"] = Shelved(f"{name}.sql", own=True, question=None, faults=(taken,))
        else:
            found[name] = _read(name, path, own=True)
    return found


def _files(where: Path) -> Iterator[tuple[str, Path]]:
    return ((path.stem, path) for path in sorted(where.glob("*.sql")))


def _read(name: str, path: Path, *, own: bool) -> Shelved:
    try:
        return Shelved(name, own, declare(name, path.read_text(encoding="utf-8")))
    except ConfigurationError as error:
        return Shelved(name, own, None, error.faults)
    except (OSError, UnicodeDecodeError) as error:
        return Shelved(name, own, None, (f"question {name}: expected a readable file in UTF-8, got: {error}",))
