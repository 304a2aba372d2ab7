"""The service's settings: config/outbox.toml, overlaid by OUTBOX_<SECTION>_<KEY>; the one reader of the environment."""

import difflib
import os
import re
import ssl
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator

from outbox.errors import ConfigurationError
from outbox.retry import DEFAULT_SCHEDULE
from outbox.section import FILE_NAME, FILE_SUFFIX, Section, read_secret
from outbox.toml_file import faults_of, keys_at, model_at, read_toml
from outbox.watching import Alerts, Metrics, Web

PREFIX = "OUTBOX_"
KEYS_VARIABLE = PREFIX + "SECRET_KEYS"


class Database(Section):
    """Where the contract database is; the outbox lives in it, in schemas of its own."""

    url: SecretStr = SecretStr("")
    url_file: Path | None = None
    pool_size: Annotated[int, Field(ge=1, le=100)] = 4
    connect_timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    pgbouncer: bool = False


class Relay(Section):
    """The loop that moves events out; `processes` 0: one for each core."""

    processes: Annotated[int, Field(ge=0, le=256)] = 0
    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    heartbeat_seconds: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    route_batch: Annotated[int, Field(ge=1, le=10_000)] = 500
    threads: Annotated[int, Field(ge=1, le=256)] = 16
    most_threads: Annotated[int, Field(ge=1, le=4096)] = 512
    lease_margin_seconds: Annotated[float, Field(ge=1, le=600)] = 15.0
    hold_after_failures: Annotated[int, Field(ge=1, le=1_000)] = 10
    disable_after_days: Annotated[float, Field(gt=0, le=365)] = 5.0
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 25.0
    schedule_seconds: Annotated[tuple[Annotated[float, Field(ge=0, le=31_536_000)], ...], Field(max_length=50)] = (
        DEFAULT_SCHEDULE
    )


class Sender(Section):
    """How reports are sent; `allow_networks` names private networks that connectors may reach."""

    transport: Literal["auto", "requests", "curl"] = "auto"
    allow_networks: tuple[str, ...] = ()
    ca_file: Path | None = None
    proxy: SecretStr = SecretStr("")
    proxy_file: Path | None = None
    max_response_bytes: Annotated[int, Field(ge=0, le=16_777_216)] = 65_536

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for written in networks:
            try:
                ip_network(written.strip())
            except ValueError as error:
                raise ValueError(f"expected networks such as 10.0.0.0/8 or fd00::/8 ({error})") from None
        return networks

    @field_validator("ca_file")
    @classmethod
    def _certificates(cls, file: Path | None) -> Path | None:
        try:
            ssl.create_default_context(cafile=file) if file is not None else None
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"expected a PEM file of certificates ({error.strerror or error})") from None
        return file

    @field_validator("proxy")
    @classmethod
    def _plain_proxy(cls, proxy: SecretStr) -> SecretStr:
        written = proxy.get_secret_value()
        try:
            parts = urlsplit(written)
            sound = parts.scheme == "http" and parts.hostname and parts.port and parts.path in ("", "/")
        except ValueError:
            sound = False
        if written and not sound:
            raise ValueError("expected http://[user:password@]host:port")
        return proxy

    @property
    def proxy_url(self) -> SecretStr:
        """The URL of the proxy between us and the receivers; empty where there is none."""
        return read_secret(self.proxy, self.proxy_file, "sender.proxy_file")


class Report(Section):
    """Limits of what is sent."""

    max_bytes: Annotated[int, Field(ge=1_024, le=268_435_456)] = 1_048_576


class Upkeep(Section):
    """Partitions of the history: how long it is kept (0: for ever), how many ranges of event ids stand ready."""

    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 400
    partitions_ahead: Annotated[int, Field(ge=1, le=100)] = 4


class Expiry(Section):
    """The scan for passed deadlines; it also looks at the moment of the next deadline that is known."""

    scan_seconds: Annotated[float, Field(ge=1, le=3_600)] = 60.0
    sweep_hours: Annotated[float, Field(gt=0, le=8_760)] = 24.0
    batch: Annotated[int, Field(ge=1, le=10_000)] = 500


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
    expiry: Expiry = Expiry()
    upkeep: Upkeep = Upkeep()
    log: Log = Log()
    secrets: Secrets = Secrets()
    metrics: Metrics = Metrics()
    alerts: Alerts = Alerts()
    web: Web = Web()
    folder: Path = Field(default=Path("config"), exclude=True)

    @property
    def database_url(self) -> SecretStr:
        """The contract database's URL; empty where none is given."""
        return read_secret(self.database.url, self.database.url_file, "database.url_file")

    @property
    def secret_keys(self) -> tuple[SecretStr, ...]:
        """The keys in order: the first encrypts, every one decrypts."""
        written = read_secret(self.secrets.keys, self.secrets.keys_file, "secrets.keys_file").get_secret_value()
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
    where = (folder or Path(environ.get(PREFIX + "CONFIG", "config"))).absolute()
    file = where / FILE_NAME
    chosen = folder is not None or PREFIX + "CONFIG" in environ
    if chosen and not where.is_dir():
        raise ConfigurationError(
            f"{where}: expected a folder with {FILE_NAME}, got none; correct --config or OUTBOX_CONFIG"
        )
    sections = read_toml(file) if file.exists() else {}
    if "folder" in sections:
        raise ConfigurationError(
            f"{file}: folder: expected no such key; choose the folder with --config or OUTBOX_CONFIG"
        )
    named = _overlay(sections, environ)
    try:
        return Settings.model_validate({**sections, "folder": where})
    except ValidationError as error:
        faults = faults_of(error, str(file), Settings)
        raise ConfigurationError(*(_by_variable(fault, str(file), named) for fault in faults)) from None


def _overlay(sections: dict[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Writes each OUTBOX_<SECTION>_<KEY> over the file's values; which variable each path then comes from."""
    named: dict[str, str] = {}
    for name, section, key in _variables(environ):
        table = sections.setdefault(section, {})
        if isinstance(table, dict):
            other = key.removesuffix(FILE_SUFFIX) if key.endswith(FILE_SUFFIX) else key + FILE_SUFFIX
            if f"{section}.{other}" not in named:
                table.pop(other, None)
            table[key] = _read_value(environ[name], section, key)
            named[f"{section}.{key}"] = name
    return named


def _by_variable(fault: str, file: str, named: Mapping[str, str]) -> str:
    """A fault that came by the environment names the variable, not the file."""
    path = fault.removeprefix(f"{file}: ").partition(":")[0]
    key = ".".join(path.split(".")[:2])  # beyond them is a place in a list
    if key not in named:
        return fault
    words = fault.replace(f"{file}: {key}", named[key], 1)
    section = key.partition(".")[0].upper()
    return re.sub(r"unknown key; did you mean '(\w+)'", lambda near: _meant(section, near[1]), words)


def _meant(section: str, key: str) -> str:
    return f"unknown setting; did you mean {PREFIX}{section}_{key.upper()}"


def read_variable(name: str) -> str | None:
    """An environment variable by name, as a connector's secret refers to one; None where it is not set."""
    return os.environ.get(name)


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Variable, section and key of each setting in the environment."""
    sections = keys_at(Settings, ())
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        section, _, key = name.removeprefix(PREFIX).lower().partition("_")
        if name == KEYS_VARIABLE:
            yield name, "secrets", "keys"
        elif key and section in sections:
            yield name, section, key
        elif key and section != "secret" and (near := difflib.get_close_matches(section, sections, n=1, cutoff=0.8)):
            # Other names are free: a connector's secret may have any, and gets OUTBOX_SECRET_<NAME> when exported.
            raise ConfigurationError(f"{name}: unknown setting; did you mean {PREFIX}{near[0].upper()}_{key.upper()}?")


def _read_value(written: str, section: str, key: str) -> str | list[Any]:
    """The text as it stands; for a list, a TOML array or comma-separated words."""
    model = model_at(Settings, section)
    if model is None or model.model_json_schema()["properties"].get(key, {}).get("type") != "array":
        return written
    if written.lstrip().startswith("["):
        try:
            return list(tomllib.loads(f"value = {written}")["value"])
        except tomllib.TOMLDecodeError:
            return written
    return [part.strip() for part in written.split(",") if part.strip()]
