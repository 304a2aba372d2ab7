"""The simulator's journal: what each transaction of the contract application did, and how it ended."""

import json
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

Deed = dict[str, Any]
"""One thing done to one contract: `did` (insert, edit, item, mail, review, delete), `contract`, `unit`, `template`."""


class Journal:
    """JSON lines, written by several threads, each line on its way to the file before the call returns.

    A transaction's deeds are written before its commit and its outcome after: where a crash falls between,
    the database itself knows the outcome by `xid`.
    """

    def __init__(self, file: Path) -> None:
        self._out = file.open("a", encoding="utf-8")
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def intend(self, xid: str, *, act: str, deeds: list[Deed]) -> None:
        """Writes what the transaction `xid` is about to commit."""
        self._write({"xid": xid, "act": act, "at": datetime.now(UTC).isoformat(), "deeds": deeds})

    def settle(self, xid: str, *, committed: bool) -> None:
        """Writes how the transaction ended."""
        self._write({"xid": xid, "outcome": "committed" if committed else "rolled back"})

    def _write(self, line: dict[str, Any]) -> None:
        written = json.dumps(line, ensure_ascii=False) + "\n"
        with self._lock:
            self._out.write(written)
            self._out.flush()
