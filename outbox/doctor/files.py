"""Checks of the files that settings name: readable, and secret where they hold secrets."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from outbox.doctor.ground import Finding, Ground, counted
from outbox.section import FILE_NAME
from outbox.settings import Settings
from outbox.toml_file import read_toml

_SECRETS = (("database", "url"), ("secrets", "keys"), ("sender", "proxy"))


def check_files(ground: Ground) -> list[Finding]:
    """Every file that settings name can be read, and those with secrets not by everybody."""
    named = list(_named(ground.settings))
    found = []
    for key, file, secret in named:
        if not os.access(file, os.R_OK):
            words = f"{key} names {file}, which can't be read here"
            found.append(ground.fault(words, "correct the path or its rights"))
        elif secret and file.stat().st_mode & stat.S_IROTH:
            words = f"{file}, which holds the secret of {key}, can be read by every user of this host"
            found.append(ground.warning(words, f"chmod o-rwx {file}"))
    words = f"{counted(len(named), 'file')} named by settings, readable here" if named else "settings name no file"
    return found or [ground.ok(words)]


def _named(settings: Settings) -> Iterator[tuple[str, Path, bool]]:
    """The key, the file, whether a secret is in it."""
    for key, file, secret in (
        ("database.url_file", settings.database.url_file, True),
        ("secrets.keys_file", settings.secrets.keys_file, True),
        ("sender.proxy_file", settings.sender.proxy_file, True),
        ("sender.ca_file", settings.sender.ca_file, False),
    ):
        if file is not None:
            yield key, file, secret
    own = settings.folder / FILE_NAME
    if not own.exists():
        return
    if not os.access(own, os.R_OK):
        yield "--config", own, False
        return
    written = read_toml(own)
    held = [f"{section}.{key}" for section, key in _SECRETS if written.get(section, {}).get(key)]
    if held:
        yield held[0], own, True
