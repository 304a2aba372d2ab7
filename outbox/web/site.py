"""What every request works with: the database, settings, keys, templates, the sender."""

import hashlib
import hmac
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property

from itsdangerous import Signer, URLSafeTimedSerializer
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from outbox.access import Within
from outbox.db import first_line, make_engine
from outbox.errors import ConfigurationError
from outbox.log import get_log
from outbox.questions.reading import read_only
from outbox.secret_box import NO_KEY, SecretBox
from outbox.sender import Transport, make_transport
from outbox.settings import Settings
from outbox.source_names import read_business_units
from outbox.web.examination import Examination
from outbox.web.keeping import Keeping

READ_SECONDS = 10.0
NAMES_SECONDS = 60.0
QUESTIONS_AT_ONCE = 4


class Site:
    """One web process; raises ConfigurationError where no key is there to sign cookies with."""

    def __init__(self, settings: Settings, *, engine: Engine | None = None) -> None:
        if not settings.secret_keys:
            raise ConfigurationError(NO_KEY)
        self.settings = settings
        self.engine = engine or make_engine(settings, name="contract-outbox web", abandoned_seconds=60.0)
        self.box = SecretBox(settings.secret_keys)
        keys = [_derived(key.get_secret_value()) for key in reversed(settings.secret_keys)]
        self.session_signer = Signer(keys, salt="outbox session", digest_method=hashlib.sha256)
        self.form_signer = Signer(keys, salt="outbox form", digest_method=hashlib.sha256)
        self.said_signer = URLSafeTimedSerializer(keys, salt="outbox said")
        self.keeping = Keeping(self.reading)
        self._names: tuple[float, Mapping[str, str]] | None = None
        self._naming = threading.Lock()
        self.asking = threading.BoundedSemaphore(QUESTIONS_AT_ONCE)

    @contextmanager
    def reading(self, seconds: float = READ_SECONDS) -> Iterator[Connection]:
        """A transaction that only reads, each statement of it within so many seconds; JSON comes with every digit."""
        with read_only(self.engine, seconds=seconds) as reading:
            yield reading.connection

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that writes."""
        return self.engine.begin()

    @cached_property
    def patient_engine(self) -> Engine:
        """Connections of their own for what may take long, so that no page waits for one."""
        return make_engine(self.settings, pool_size=0, name="contract-outbox web", abandoned_seconds=60.0)

    @cached_property
    def examination(self) -> Examination:
        """What the doctor finds."""
        return Examination(lambda: self.patient_engine, self.settings)

    @cached_property
    def transport(self) -> Transport:
        """What sends tests."""
        return make_transport(self.settings.sender)

    def unit_names(self, *, within: Within) -> Mapping[str, str]:
        """Business unit id -> name, as the source has them, at most a minute old; none while no mapping is installed.

        Where the source can't be read, what was known stands.
        """
        with self._naming:
            if self._names is None or time.monotonic() - self._names[0] > NAMES_SECONDS:
                self._names = (time.monotonic(), self._read_names())
            names = self._names[1]
        return names if within is None else {unit: name for unit, name in names.items() if unit in within}

    def _read_names(self) -> Mapping[str, str]:
        try:
            with self.reading() as connection:
                return {unit.id: unit.name or unit.id for unit in read_business_units(connection)}
        except DBAPIError as error:
            get_log().warning("business_units_unreadable", error=first_line(error))
            return self._names[1] if self._names is not None else {}

    def close(self) -> None:
        """Closes its connections."""
        if "transport" in self.__dict__:
            self.transport.close()
        self.engine.dispose()


def _derived(key: str) -> bytes:
    """A key for cookies alone: what is learnt from them tells nothing of the key that encrypts secrets."""
    return hmac.digest(key.encode(), b"outbox web cookies", "sha256")
