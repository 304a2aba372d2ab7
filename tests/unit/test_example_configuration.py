"""The configuration that people start from, config/*.toml: it is whole, and what its comments say is true."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from outbox.connector_input import read_connector
from outbox.mapping import Contract, Expired, Mapping, Rule
from outbox.resources import folder
from outbox.settings import Settings

OWN_VALUE = {"url", "url_file", "keys", "keys_file", "allow_networks", "ca_file", "proxy", "proxy_file", "secret_file"}


def written(name: str) -> str:
    """An example file as it stands."""
    return (folder("config") / name).read_text(encoding="utf-8")


def uncommented(text: str) -> str:
    """The file with every commented key made a key: `# key = value` and the lines of its list."""
    return re.sub(r"^# (?=[a-z_]+ *= |  \{|\])", "", text, flags=re.MULTILINE)


def section(name: str) -> type[BaseModel]:
    """The model of one section of outbox.toml."""
    found = Settings.model_fields[name].annotation
    assert isinstance(found, type)
    assert issubclass(found, BaseModel)
    return found


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - {"folder"}))
def test_outbox_toml_names_every_key_with_its_default(name: str) -> None:
    """Each section shows each of its keys, and the value in the comment is the default, unless it is one's own."""
    shown = tomllib.loads(uncommented(written("outbox.toml")))[name]
    model = section(name)
    assert set(shown) == set(model.model_fields)
    standing = model()
    shown.pop("ca_file", None)  # it must be there to be taken, and here it is not
    for key, value in shown.items():
        made = model.model_validate({key: value})
        assert key in OWN_VALUE or made == standing, key


def test_outbox_toml_as_it_stands_sets_nothing() -> None:
    """The file changes no default."""
    assert Settings.model_validate(tomllib.loads(written("outbox.toml"))) == Settings()


@pytest.mark.parametrize("form", [written, lambda name: uncommented(written(name))])
def test_connectors_toml_is_valid_as_it_stands_and_with_every_key_set(form: Any) -> None:
    """The example of the configuration page, and every optional key after it, make a connector."""
    [table] = tomllib.loads(form("connectors.toml"))["connector"]
    made = read_connector(table, label="example", folder=Path("nowhere"), read_variable=lambda _: None).spec
    assert (made.name, made.business_units, made.url) == (
        "Provider reporting",
        ("Provider BU",),
        "https://example.com/webhook",
    )


def test_connectors_toml_shows_every_key() -> None:
    """No key of a connector is left for people to find elsewhere."""
    [table] = tomllib.loads(uncommented(written("connectors.toml")))["connector"]
    made = read_connector(table, label="example", folder=Path("nowhere"), read_variable=lambda _: None).spec
    assert set(table) == set(type(made).model_fields)


def test_source_toml_is_valid_and_explains_every_key() -> None:
    """The mapping is valid, and each key of each part is named in the file."""
    text = written("source.toml")
    Mapping.model_validate(tomllib.loads(text))
    for model in (Mapping, Contract, Rule, Expired):
        for key in model.model_fields:
            assert re.search(rf"^(# *|\[*){key}\b", text, re.MULTILINE), f"{model.__name__}.{key}"
