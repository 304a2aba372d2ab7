"""The capture rules: which change of which table is a create, an update, a send, a review."""

from collections.abc import Iterator

from outbox.capture_sql import literal
from outbox.proposal import words
from outbox.proposal.children import LISTED, Child, Role, contract_of, described, find_children
from outbox.proposal.choice import Notes, ProposedRule, Sureness
from outbox.proposal.columns import is_bookkeeping, is_moment
from outbox.proposal.facts import LiveColumn, LiveTable, Survey, column_sql, plain
from outbox.proposal.links import identity
from outbox.proposal.status import MOST_VALUES, Status

EVERY = ("insert", "update", "delete")
FEW = 12


class Rules:
    """Finds the rules of one contract table."""

    def __init__(self, survey: Survey, table: LiveTable, status: Status, notes: Notes) -> None:
        self.survey, self.table, self.status, self.notes = survey, table, status, notes
        self.own = identity([column_sql("new", name) for name in table.key])
        self.children = find_children(survey, table)
        self.log = status.log[0].oid if status.log else None

    def all(self) -> list[ProposedRule]:
        """Every rule, those in comments last."""
        found = [self._create(), self._update(), *self._children(), *self._sends(), *self._reviews()]
        for one in found:
            self.notes.choose(one.trigger, f"{'+'.join(one.on)} of {one.table}", one.sureness, one.why)
        aside = list(self._left_out())
        if aside:
            tables = ", ".join(one.table for one in aside)
            self.notes.ask(f"Is a change in {tables} one of its contract's? Taken as: no; the rules stand in comments.")
        return [*found, *aside]

    def _create(self) -> ProposedRule:
        return ProposedRule(
            "create", self.table.sql, ("insert",), self.own, Sureness.SURE, "a row of the contract's table is made"
        )

    def _update(self) -> ProposedRule:
        ignored = tuple(one.name for one in self.table.columns if is_bookkeeping(one))
        why = "a row of the contract's table changes"
        if ignored:
            why += f"; {', '.join(ignored)}: bookkeeping by their names, their change alone is no update"
        return ProposedRule("update", self.table.sql, ("update",), self.own, Sureness.SURE, why, ignore=ignored)

    def _children(self) -> Iterator[ProposedRule]:
        for child in self.children:
            sure = Sureness.LIKELY if child.link.declared else Sureness.GUESS
            if child.role in LISTED:
                ignored = tuple(one.name for one in child.table.columns if is_bookkeeping(one))
                contract = contract_of(child, self.table, both=child.via is None)
                on = EVERY if child.via is None else ("insert", "update")
                why = f"reads like a contract's {child.role}"
                yield ProposedRule("update", child.table.sql, on, contract, sure, why, ignore=ignored)
            elif child.table.oid == self.log:
                contract = contract_of(child, self.table)
                why = "the status stands there, so a new row changes the contract"
                yield ProposedRule("update", child.table.sql, ("insert",), contract, sure, why)

    def _sends(self) -> list[ProposedRule]:
        mails = [child for child in self.children if child.role is Role.EMAIL]
        recipients = [child for child in self.children if child.role is Role.RECIPIENT]
        found = [
            *(self._happened("send", child, _moment(child.table, words.SENT)) for child in mails),
            *([] if mails else self._own_moment("send", words.SENT)),
        ]
        if not found:
            found = [
                self._happened("send", child, moment)
                for child in recipients
                if (moment := _moment(child.table, words.SENT)) is not None
            ]
        return found or self._by_status("send", words.SENT_STATUS, "that a contract was sent to its recipient")

    def _reviews(self) -> list[ProposedRule]:
        found = [
            self._happened("review", child, _moment(child.table, words.REVIEWED))
            for child in self.children
            if child.role is Role.REVIEW
        ] or self._own_moment("review", words.REVIEWED)
        return found or self._by_status("review", words.REVIEW_STATUS, "that a contract was reviewed")

    def _happened(self, trigger: str, child: Child, moment: LiveColumn | None) -> ProposedRule:
        """A row is one occurrence; where its moment may come later, it counts from then on."""
        when = self._kind(trigger, child) if child.role is Role.EMAIL else None
        on: tuple[str, ...] = ("insert",)
        why = f"{child.table.name} reads like a contract's {child.role}; each row is one"
        if moment is not None and not moment.not_null:
            on, why = ("insert", "update"), f"{child.table.name}: it happened once {moment.name} is set"
            when = " AND ".join(filter(None, (_set(moment), when)))
        contract = contract_of(child, self.table)
        sure = Sureness.LIKELY if child.link.declared else Sureness.GUESS
        return ProposedRule(trigger, child.table.sql, on, contract, sure, why, when, described(child.table))

    def _kind(self, trigger: str, child: Child) -> str | None:
        """Only those e-mails that bring the contract, where a column tells their kind."""
        for column in child.table.columns:
            values = self.survey.values(child.table, column)
            if not 1 < len(values) <= MOST_VALUES or words.score(column.name, words.KIND) < FEW / 2:
                continue
            chosen = [value for value in values if words.speaks_of(value, words.INVITATION)]
            shown = ", ".join(values[:FEW])
            if chosen:
                rest = ", ".join(value for value in values[:FEW] if value not in chosen)
                others = f", those of {column.name} {rest} don't" if rest else ""
                counts = f"Rows of {column.name} {', '.join(chosen)} in {child.table.sql} count as sending"
                self.notes.ask(f"{counts}{others}: right?")
                return f"new.{plain(column.name)} IN ({', '.join(map(literal, chosen))})"
            self.notes.ask(f"Which {column.name} in {child.table.sql} is a {trigger}: {shown}? Taken as: all.")
        return None

    def _own_moment(self, trigger: str, known: frozenset[str]) -> list[ProposedRule]:
        moment = _moment(self.table, known)
        if moment is None:
            return []
        why = f"{moment.name} of the contract is set"
        on = ("insert", "update")
        return [ProposedRule(trigger, self.table.sql, on, self.own, Sureness.LIKELY, why, _set(moment))]

    def _by_status(self, trigger: str, known: frozenset[str], what: str) -> list[ProposedRule]:
        """The status becomes a word for it: in the contract's row, or in a new row of its log."""
        chosen = [value for value in self.status.values if words.squeezed(value) in known]
        written = ", ".join(map(literal, chosen))
        if chosen and self.status.column is not None:
            name = plain(self.status.column.name)
            when = f"new.{name} IN ({written}) AND new.{name} IS DISTINCT FROM old.{name}"
            why = f"no table tells it, so: the status becomes {', '.join(chosen)}"
            on = ("insert", "update")
            return [ProposedRule(trigger, self.table.sql, on, self.own, Sureness.GUESS, why, when)]
        if chosen and self.status.log is not None:
            child, link, column = self.status.log
            contract = contract_of(Child(child, Role.LOG, link), self.table)
            why = f"no table tells it, so: the log gets status {', '.join(chosen)}"
            when = f"new.{plain(column.name)} IN ({written})"
            return [ProposedRule(trigger, child.sql, ("insert",), contract, Sureness.GUESS, why, when)]
        self.notes.choose(trigger, "left out", Sureness.UNKNOWN, f"no table, moment or status tells {what}")
        self.notes.ask(f'What tells {what}? Write a [[capture]] with trigger = "{trigger}" for it.')
        return []

    def _left_out(self) -> Iterator[ProposedRule]:
        for child in self.children:
            if child.role in (Role.OTHER, Role.LOG) and child.table.oid != self.log:
                contract = contract_of(child, self.table, both=child.via is None)
                why = "belongs to a contract, but nothing tells whether its change is one of the contract's"
                yield ProposedRule("update", child.table.sql, EVERY, contract, Sureness.UNKNOWN, why, active=False)


def _moment(table: LiveTable, known: frozenset[str]) -> LiveColumn | None:
    return next((one for one in table.columns if is_moment(one) and words.said(one.name, known)), None)


def _set(moment: LiveColumn) -> str:
    name = plain(moment.name)
    return f"new.{name} IS NOT NULL AND old.{name} IS NULL"
