"""The sections of outbox.toml by which others watch the service: [metrics], [alerts] and [web]."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from outbox.errors import ConfigurationError
from outbox.request import signing_secret_faults, url_faults
from outbox.section import FILE_NAME, Section, read_secret


class Metrics(Section):
    """Where /metrics, /live and /ready are; port 0: nowhere."""

    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0

    @field_validator("address")
    @classmethod
    def _own_address(cls, written: str) -> str:
        return _address(written)


class Alerts(Section):
    """Who is told when something is wrong; without a URL nobody is. Chat services put a secret in theirs."""

    url: SecretStr = SecretStr("")
    url_file: Path | None = None
    secret: SecretStr = SecretStr("")
    secret_file: Path | None = None
    lag_seconds: Annotated[float, Field(gt=0, le=604_800)] = 300.0
    repeat_hours: Annotated[float, Field(ge=0, le=8_760)] = 24.0

    @field_validator("url")
    @classmethod
    def _sendable(cls, url: SecretStr) -> SecretStr:
        _refuse(url_faults(url.get_secret_value()) if url else [])
        return url

    @field_validator("secret")
    @classmethod
    def _signs(cls, secret: SecretStr) -> SecretStr:
        _refuse(signing_secret_faults(secret.get_secret_value()) if secret else [])
        return secret

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told."""
        return bool(self.url) or self.url_file is not None

    def check(self) -> None:
        """Raises ConfigurationError where somebody is to be told and can't be."""
        if self.wanted:
            _ = self.hook, self.signing_secret

    @property
    def hook(self) -> str:
        """The URL that is told; raises ConfigurationError where its file has none."""
        return _checked("alerts.url_file", read_secret(self.url, self.url_file, "alerts.url_file"), url_faults)

    @property
    def signing_secret(self) -> str | None:
        """What signs the alerts; None where nothing does."""
        if not self.secret and self.secret_file is None:
            return None
        read = read_secret(self.secret, self.secret_file, "alerts.secret_file")
        return _checked("alerts.secret_file", read, signing_secret_faults)


class Web(Section):
    """The dashboard and the API; the headers of a reverse proxy count only where it is named."""

    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8800
    trusted_proxies: tuple[str, ...] = ()
    session_hours: Annotated[float, Field(gt=0, le=720)] = 12.0

    @field_validator("address")
    @classmethod
    def _own_address(cls, written: str) -> str:
        return _address(written)

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        for one in written:
            try:
                ip_network(one.strip())
            except ValueError as error:
                raise ValueError(f"expected addresses or networks such as 10.0.0.7 or 10.0.0.0/8 ({error})") from None
        return tuple(one.strip() for one in written)


def _address(written: str) -> str:
    try:
        return str(ip_address(written.strip()))
    except ValueError:
        raise ValueError("expected an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::") from None


def _refuse(faults: list[str]) -> None:
    if faults:
        raise ValueError("; ".join(faults))


def _checked(key: str, read: SecretStr, faults: Callable[[str], list[str]]) -> str:
    """What stands in the file of a secret, which no validator has seen."""
    written = read.get_secret_value()
    if found := faults(written):
        raise ConfigurationError(*(f"{FILE_NAME}: {key}: {fault}" for fault in found))
    return written
