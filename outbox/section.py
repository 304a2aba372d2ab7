"""What a section of outbox.toml is made of: unknown keys are errors, and a secret may stand in a file of its own."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from outbox.errors import ConfigurationError

FILE_NAME = "outbox.toml"
FILE_SUFFIX = "_file"
"""What makes the key of a secret that of a file with the secret in it."""


class Section(BaseModel):
    """A section of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _given_once(self) -> Self:
        for name in type(self).model_fields:
            if getattr(self, name) and getattr(self, name + FILE_SUFFIX, None):
                raise ValueError(f"expected {name} or {name}{FILE_SUFFIX}, got both; remove one")
        return self


def read_secret(written: SecretStr, file: Path | None, key: str) -> SecretStr:
    """The secret as written, or the file's content without the white space around it."""
    if file is None:
        return written
    try:
        return SecretStr(file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise ConfigurationError(
            f"{FILE_NAME}: {key}: expected a readable file, got {str(file)!r} ({why}); correct the path or its rights"
        ) from None
