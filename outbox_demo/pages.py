"""The demo's dashboard: where it is, and a sign-in made for this run alone."""

import socket
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import create_engine

from outbox.access import Role
from outbox.passwords import make_password
from outbox.people import add_person

USER = "demo"
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Pages:
    """A dashboard on loopback and who may sign in to it."""

    port: int
    password: str
    receiver: str

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> tuple[str, str]:
        """Where to look and what to type there, and where connectors of one's own may send."""
        return (
            f"dashboard: {self.url}  user {USER}  password {self.password}",
            f"for connectors that you make there, a receiver that takes all: {self.receiver}",
        )

    def environment(self) -> dict[str, str]:
        """What `outbox web` needs beside the settings of every command."""
        return {"OUTBOX_WEB_PORT": str(self.port)}

    def answers(self) -> bool:
        """Whether it listens."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), LOOK_SECONDS):
            return True
        return False


def make_pages(database_url: str, receiver: str) -> Pages:
    """A free port, and somebody who may do everything; `receiver` is the URL for connectors of one's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    password = make_password()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        add_person(connection, name=USER, role=Role.ADMIN, within=None, password=password, created_by="outbox demo")
    engine.dispose()
    return Pages(port, password, receiver)
