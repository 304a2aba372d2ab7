"""The service's settings: config/outbox.toml, overlaid by OUTBOX_<SECTION>_<KEY>; the one reader of the environment."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from outbox.errors import ConfigurationError
from outbox.retry import DEFAULT_SCHEDULE

PREFIX = "OUTBOX_"
FILE_NAME = "outbox.toml"


class Section(BaseModel):
    """A section of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Database(Section):
    """Where the contract database is; the outbox lives in it, in schemas of its own."""

    url: SecretStr = SecretStr("")
    pool_size: Annotated[int, Field(ge=1, le=100)] = 4
    connect_timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    pgbouncer: bool = False


class Relay(Section):
    """The loop that moves events out."""

    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    heartbeat_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    route_batch: Annotated[int, Field(ge=1, le=10_000)] = 500
    threads: Annotated[int, Field(ge=1, le=256)] = 16
    lease_margin_seconds: Annotated[float, Field(ge=1, le=600)] = 15.0
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 25.0
    schedule_seconds: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(max_length=50)] = DEFAULT_SCHEDULE


class Sender(Section):
    """How reports are sent; `allow_networks` names private networks that connectors may reach."""

    transport: Literal["auto", "requests"] = "auto"
    allow_networks: tuple[str, ...] = ()
    ca_file: Path | None = None
    proxy: SecretStr | None = None
    max_response_bytes: Annotated[int, Field(ge=0, le=16_777_216)] = 65_536


class Report(Section):
    """Limits of what is sent."""

    max_bytes: Annotated[int, Field(ge=1_024, le=268_435_456)] = 1_048_576


class Log(Section):
    """Log lines: JSON off a terminal, for people on one, unless said."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Secrets(Section):
    """Keys that encrypt connectors' secrets: in OUTBOX_SECRET_KEYS, or one a line in `keys_file`."""

    keys: SecretStr = SecretStr("")
    keys_file: Path | None = None


class Settings(Section):
    """All settings, with their defaults."""

    database: Database = Database()
    relay: Relay = Relay()
    sender: Sender = Sender()
    report: Report = Report()
    log: Log = Log()
    secrets: Secrets = Secrets()
    folder: Path = Path("config")

    @property
    def secret_keys(self) -> tuple[SecretStr, ...]:
        """The keys in order: the first encrypts, every one decrypts."""
        written = self.secrets.keys.get_secret_value()
        if self.secrets.keys_file is not None:
            try:
                written += "\n" + self.secrets.keys_file.read_text(encoding="utf-8")
            except OSError as error:
                raise ConfigurationError(
                    f"{FILE_NAME}: secrets.keys_file: expected a readable file, got {str(self.secrets.keys_file)!r}"
                    f" ({error.strerror}); correct the path or its rights"
                ) from None
        return tuple(SecretStr(key) for key in written.replace(",", " ").split())

    @property
    def source_file(self) -> Path:
        """The source mapping."""
        return self.folder / "source.toml"

    @property
    def connectors_file(self) -> Path:
        """The connectors kept as code."""
        return self.folder / "connectors.toml"


def load_settings(folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings from `folder` (else OUTBOX_CONFIG, else ./config); raises ConfigurationError with every fault."""
    where = folder or Path(environ.get(PREFIX + "CONFIG", "config"))
    file = where / FILE_NAME
    chosen = folder is not None or PREFIX + "CONFIG" in environ
    if chosen and not where.is_dir():
        raise ConfigurationError(
            f"{where}: expected a folder with {FILE_NAME}, got none; correct --config or OUTBOX_CONFIG"
        )
    sections: dict[str, Any] = dict(read_toml(file)) if file.exists() else {}
    if "folder" in sections:
        raise ConfigurationError(
            f"{file}: folder: expected no such key; choose the folder with --config or OUTBOX_CONFIG"
        )
    named: dict[str, str] = {}
    for name, section, key, value in _from_environment(environ):
        table = sections.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = value
            named[f"{section}.{key}"] = name
    try:
        return Settings.model_validate({**sections, "folder": where})
    except ValidationError as error:
        faults = faults_of(error, str(file), Settings)
        raise ConfigurationError(*(_by_variable(fault, str(file), named) for fault in faults)) from None


def _by_variable(fault: str, file: str, named: Mapping[str, str]) -> str:
    """A fault that came by the environment names the variable, not the file."""
    path = fault.removeprefix(f"{file}: ").partition(":")[0]
    return fault.replace(f"{file}: {path}", named[path], 1) if path in named else fault


def read_variable(name: str) -> str | None:
    """An environment variable by name, as a connector's secret refers to one; None where it is not set."""
    return os.environ.get(name)


def read_toml(file: Path) -> dict[str, Any]:
    """The file's content; raises ConfigurationError when it is missing or no TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{file}: expected a file, got none; create it or choose the folder with --config"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{file}: expected a readable file, got: {error.strerror}; correct its rights"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: expected TOML in UTF-8, got: {error}; correct the file") from None


def faults_of(error: ValidationError, file: str, model: type[BaseModel]) -> list[str]:
    """Each fault in words: file, key, what was expected, what came; an unknown key with the nearest known one."""
    return [_fault(dict(one), file, model) for one in error.errors(include_url=False)]


def _fault(one: dict[str, Any], file: str, model: type[BaseModel]) -> str:
    path = ".".join(str(part) for part in one["loc"])
    if one["type"] == "extra_forbidden":
        known = _keys_at(model, one["loc"][:-1])
        near = difflib.get_close_matches(str(one["loc"][-1]), known, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        return f"{file}: {path}: unknown key; {advice}"
    if one["type"] == "missing":
        return f"{file}: {path}: expected a value, got none; add the key"
    expected = one["msg"].removeprefix("Value error, ").removeprefix("Input ")
    came = "a secret" if _is_secret(model, one["loc"]) else repr(one.get("input"))[:120]
    return f"{file}: {path}: {expected}; got {came}"


def _is_secret(model: type[BaseModel], path: tuple[str | int, ...]) -> bool:
    owner: type[BaseModel] | None = model
    for part in path:
        known = owner.model_fields.get(str(part)) if owner else None
        if known is not None and "SecretStr" in repr(known.annotation):
            return True
        owner = next(_models_in(known.annotation), None) if known is not None else owner
    return False


def _keys_at(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that `model` knows at `path`, aliases before names."""
    at: type[BaseModel] = model
    for part in path:
        if isinstance(part, str) and (found := _field(at, part)) is not None:
            at = found
    return [known.alias or name for name, known in at.model_fields.items()]


def _field(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    for name, known in model.model_fields.items():
        if key in (name, known.alias):
            return next(_models_in(known.annotation), None)
    return None


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str, Any]]:
    """Variable, section, key and value of each OUTBOX_<SECTION>_<KEY>."""
    for name in sorted(environ):
        if name == PREFIX + "SECRET_KEYS":
            yield name, "secrets", "keys", environ[name]
            continue
        section, _, key = name.removeprefix(PREFIX).lower().partition("_")
        model = _field(Settings, section) if name.startswith(PREFIX) and key else None
        if model is not None:
            yield name, section, key, _read_value(environ[name], model, key)


def _read_value(written: str, model: type[BaseModel], key: str) -> str | list[Any]:
    """The text as it stands; for a list, a TOML array or comma-separated words."""
    if model.model_json_schema()["properties"].get(key, {}).get("type") != "array":
        return written
    if written.lstrip().startswith("["):
        return list(tomllib.loads(f"value = {written}")["value"])
    return [part.strip() for part in written.split(",") if part.strip()]
