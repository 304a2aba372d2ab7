"""What a transaction of the contract application is made of, and the register of living contracts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from threading import Lock
from typing import Any

import psycopg

from outbox_demo.journal import Deed

Row = tuple[Any, ...]

OPEN_AT_MOST = 400
GOODS = (
    *("Wärmepumpe 12 kW", "Service plan “Gold”", "Straßenbau, Los 3", "Cable, 3 x 2.5 mm²", "Лицензия"),
    *("保守契約", "Olive oil 5 L"),
)


@dataclass(frozen=True)
class Contract:
    """What the application's people remember of a contract."""

    id: int
    unit: str
    template: bool
    signers: tuple[str, ...]


@dataclass
class Register:
    """The contracts that live, by stage; shared by all threads."""

    units: Sequence[tuple[int, str]]
    companies: Sequence[tuple[int, int]]
    _stages: dict[str, list[Contract]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def put(self, stage: str, contract: Contract) -> None:
        """The contract has come to this stage."""
        with self._lock:
            self._stages.setdefault(stage, []).append(contract)

    def take(self, stage: str, dice: Random) -> Contract | None:
        """A contract of the stage for one thread alone, until it is put back."""
        with self._lock:
            at = self._stages.get(stage)
            return at.pop(dice.randrange(len(at))) if at else None

    def look_at(self, dice: Random, *stages: str) -> Contract | None:
        """Any contract of the stages; other threads may work on it at the same time."""
        with self._lock:
            found = [contract for stage in stages for contract in self._stages.get(stage, ())]
            return dice.choice(found) if found else None

    def crowded(self) -> bool:
        """Whether lives should rather end than begin."""
        with self._lock:
            return sum(map(len, self._stages.values())) > OPEN_AT_MOST


@dataclass
class Transaction:
    """One transaction of the application: what it did so far, and which contract comes to which stage by it."""

    connection: psycopg.Connection[Row]
    dice: Random
    register: Register
    deeds: list[Deed] = field(default_factory=list)
    moves: list[tuple[str, Contract]] = field(default_factory=list)
    taken: list[tuple[str, Contract]] = field(default_factory=list)
    give_up: bool = False

    def run(self, statement: str, *values: object) -> list[Row]:
        """Executes one statement; the rows that it returns."""
        done = self.connection.execute(statement.encode(), values)
        return done.fetchall() if done.description else []

    def note(self, did: str, contract: Contract, **more: object) -> None:
        """Remembers a deed for the journal."""
        whose = {"contract": str(contract.id), "unit": contract.unit, "template": contract.template}
        self.deeds.append({"did": did, **whose, **more})

    def take(self, stage: str) -> Contract | None:
        """A contract of the stage for this transaction alone."""
        contract = self.register.take(stage, self.dice)
        if contract is not None:
            self.taken.append((stage, contract))
        return contract

    def any_of(self, *stages: str) -> Contract | None:
        """Any contract of the stages, shared with other threads."""
        return self.register.look_at(self.dice, *stages)

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return self.dice.random() < share

    def some_title(self) -> str:
        """A title that hardly comes twice."""
        return f"{self.dice.choice(GOODS)} / {self.dice.randrange(10**6)}"

    def some_amount(self) -> Decimal:
        """An amount with cents."""
        return Decimal(self.dice.randrange(100, 10**9)) / 100

    def edit(self, contract: Contract, column: str, value: str | Decimal) -> str | Decimal | None:
        """Sets one column of the contract; the value before, or None when the contract is gone."""
        found = self.run(f"SELECT {column} FROM contract WHERE id = %s FOR UPDATE", contract.id)  # noqa: S608 our own name
        if not found:
            return None
        old: str | Decimal | None = found[0][0]
        self.run(f"UPDATE contract SET {column} = %s WHERE id = %s", value, contract.id)  # noqa: S608 likewise
        self.note("edit", contract, changed={column: [_plain(old), _plain(value)]})
        return old

    def add_item(self, contract: Contract, position: int) -> None:
        """One more item of the contract."""
        self.run(
            "INSERT INTO contract_item (contract_id, position, description, quantity, unit_price)"
            " VALUES (%s, %s, %s, %s, %s)",
            *(contract.id, position, self.dice.choice(GOODS), self.dice.randrange(1, 50)),
            Decimal(self.dice.randrange(10**7)) / 10_000,
        )
        self.note("item", contract)

    def mail(self, contract: Contract, kind: str, email: str) -> None:
        """An e-mail goes out: an invitation or a reminder."""
        self.run(
            "INSERT INTO contract_email (contract_id, recipient_email, kind) VALUES (%s, %s, %s)",
            *(contract.id, email, kind),
        )
        self.note("mail", contract, kind=kind, detail={"recipient": email})


def _plain(value: str | Decimal | None) -> str | None:
    return format(value, ".2f") if isinstance(value, Decimal) else value
