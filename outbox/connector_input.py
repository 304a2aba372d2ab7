"""A connector as people write it, in a file, a command or a page, made a spec: every fault at once, in words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from outbox.connector import KEPT, ConnectorSpec, FieldError
from outbox.connector_change import SECRETS
from outbox.errors import ConfigurationError
from outbox.request import looks_secret
from outbox.toml_file import faults_of

ReadVariable = Callable[[str], str | None]
LITERAL = 'expected { env = "VARIABLE" } or { file = "path" }'


@dataclass(frozen=True, slots=True)
class WrittenConnector:
    """A spec, and for each secret that could not be found (it stands as kept) the words that say so."""

    spec: ConnectorSpec
    missing: Mapping[str, str]


def parse_spec(values: Mapping[str, Any], *, label: str) -> ConnectorSpec:
    """The spec that `values` ask for; raises ConfigurationError with a line for each fault, after `label`."""
    try:
        return ConnectorSpec.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigurationError(*_faults(error, label)) from None


def _faults(error: ValidationError, label: str) -> list[str]:
    faults: list[str] = []
    general = faults_of(error, label, ConnectorSpec)
    for one, words in zip(error.errors(include_url=False), general, strict=True):
        cause = one.get("ctx", {}).get("error")
        if isinstance(cause, FieldError):
            path = ".".join(str(part) for part in one["loc"])
            faults += [f"{label}: {path}: {fault}" for fault in cause.faults]
        else:
            faults.append(words)
    return faults


def read_connector(
    values: Mapping[str, Any], *, label: str, folder: Path, read_variable: ReadVariable
) -> WrittenConnector:
    """The connector of a table whose secrets are references, `{ env = ... }` or `{ file = ... }` under `folder`.

    A secret may also be KEPT or None; a literal one is refused.
    """
    references = _References(folder, read_variable)
    opened = dict(values)
    for key in SECRETS:
        if key in opened:
            opened[key] = references.secret(key, opened[key])
    if isinstance(opened.get("headers"), dict):
        opened["headers"] = {name: references.header(name, value) for name, value in opened["headers"].items()}
    faults = [f"{label}: {fault}" for fault in references.faults]
    try:
        spec = parse_spec(opened, label=label)
    except ConfigurationError as error:
        raise ConfigurationError(*faults, *error.faults) from None
    if faults:
        raise ConfigurationError(*faults)
    return WrittenConnector(spec, references.missing)


class _References:
    """Looks references up; collects what is wrong with them, and what they name but isn't there."""

    def __init__(self, folder: Path, read_variable: ReadVariable) -> None:
        self.faults: list[str] = []
        self.missing: dict[str, str] = {}
        self._folder = folder
        self._read_variable = read_variable

    def secret(self, key: str, written: object) -> object:
        if written is KEPT or written is None:
            return written
        if isinstance(written, dict):
            return self._look_up(key, written)
        self.faults.append(f"{key}: {LITERAL}, got a value; keep secrets out of the file")
        return KEPT

    def header(self, name: str, written: object) -> object:
        key = f"headers.{name}"
        if isinstance(written, dict):
            if looks_secret(name):
                return self._look_up(key, written)
            self.faults.append(
                f"{key}: expected a text, got a reference; history shows the values of headers whose name does not say"
                " that they are secret (auth, key, token, ...), so write the value itself or rename the header"
            )
            return ""
        if looks_secret(name):
            return self.secret(key, written)
        return written

    def _look_up(self, key: str, reference: Mapping[str, object]) -> object:
        match reference:
            case {"env": str(variable)} if len(reference) == 1 and variable:
                return self._found(key, self._read_variable(variable), f"environment variable {variable}, got none")
            case {"file": str(path)} if len(reference) == 1 and path:
                return self._from_file(key, self._folder / path)
            case _:
                self.faults.append(f"{key}: {LITERAL}, got keys {', '.join(map(repr, reference)) or 'none'}; name one")
                return KEPT

    def _from_file(self, key: str, path: Path) -> object:
        try:
            return self._found(key, path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r"), "")
        except FileNotFoundError:
            return self._found(key, None, f"file {path}, got none")
        except (OSError, UnicodeDecodeError) as error:
            self.faults.append(f"{key}: expected a readable text file {path}, got: {error}; correct it or its rights")
            return KEPT

    def _found(self, key: str, value: str | None, expected: str) -> object:
        if value is None:
            self.missing[key] = f"expected {expected}"
            return KEPT
        return SecretStr(value)
