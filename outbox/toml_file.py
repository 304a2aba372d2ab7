"""TOML files that people write: reads them, and says in words what is wrong with them."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from outbox.errors import ConfigurationError
from outbox.suggest import suggestion


def read_toml(file: Path) -> dict[str, Any]:
    """The file's content; raises ConfigurationError when it is missing or no TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{file.absolute()}: expected a file, got none; choose its folder with --config,"
            f" or write the examples there: outbox examples {file.parent}"
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


_WORDS = (
    ("Value error, ", ""),
    ("Input should be greater", "expected a value greater"),
    ("Input should be a valid integer, unable to parse string as an integer", "expected a whole number"),
    ("Input should be a valid integer, got a number with a fractional part", "expected a whole number"),
    ("Input should be a valid integer", "expected a whole number"),
    ("Input should be a valid number, unable to parse string as a number", "expected a number"),
    ("Input should be a valid boolean, unable to interpret input", "expected true or false"),
    ("Input should be a valid boolean", "expected true or false"),
    ("Input should be a valid string", "expected a text"),
    ("Input should be less", "expected a value less"),
    ("Input should be a valid tuple", "expected a list"),
    ("Input should be ", "expected "),
    ("Input is not a valid path for <class 'pathlib.Path'>", "expected a path"),
)
"""What pydantic says, and what we say."""


def _fault(one: dict[str, Any], file: str, model: type[BaseModel]) -> str:
    kind, path, written = one["type"], one["loc"], one.get("input")
    where = ": ".join(filter(None, (file, ".".join(map(str, path)))))
    if kind == "extra_forbidden":
        known = keys_at(model, path[:-1])
        return f"{where}: unknown key; {suggestion(str(path[-1]), known)}"
    if kind == "missing":
        return f"{where}: expected a value, got none; add the key"
    if kind == "model_type":
        return f"{where}: expected a table of keys, got something else; correct it"
    words = in_our_words(one["msg"])
    if isinstance(written, dict) or ", got " in words:  # such a rule names what came itself, and no secret
        return f"{where}: {words}"
    return f"{where}: {words}; got {'a secret' if _is_secret(model, path) else repr(written)[:120]}"


def in_our_words(message: str) -> str:
    """What pydantic says, as all other faults are worded."""
    for theirs, ours in _WORDS:
        message = message.replace(theirs, ours, 1)
    return message


def _is_secret(model: type[BaseModel], path: tuple[str | int, ...]) -> bool:
    owner: type[BaseModel] | None = model
    for part in path:
        known = owner.model_fields.get(str(part)) if owner else None
        if known is not None and "SecretStr" in repr(known.annotation):
            return True
        owner = next(_models_in(known.annotation), None) if known is not None else owner
    return False


def keys_at(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that `model` knows at `path`, aliases before names."""
    at: type[BaseModel] = model
    for part in path:
        if isinstance(part, str) and (found := model_at(at, part)) is not None:
            at = found
    return [known.alias or name for name, known in at.model_fields.items() if not known.exclude]


def model_at(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of what stands under `key`, or of what a list there holds; None where there is none."""
    for name, known in model.model_fields.items():
        if key in (name, known.alias):
            return next(_models_in(known.annotation), None)
    return None


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)
