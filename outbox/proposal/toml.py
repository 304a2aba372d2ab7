"""Writes a proposal as source.toml: every choice with how sure it is and why, in comments."""

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from outbox.proposal import Proposal
from outbox.proposal.choice import Choice, Output, ProposedRule
from outbox.proposal.facts import plain

WIDTH = 118
HEAD = """\
Proposed by `outbox init`, which read the catalogue and a few rows, and knows no more than that: read it whole.
Behind each choice stands how sure it is: sure, likely, guess, not known. `outbox plan` holds it against the
database, shows what would be installed, and changes nothing; `outbox examples FOLDER` explains each key."""


def write(proposal: Proposal) -> str:
    """The file's text."""
    parts = [_comments(HEAD.splitlines()), _questions(proposal), _indexes(proposal), _contract(proposal)]
    parts.append(f"{_told(proposal, 'business unit')}[business_unit]\n{_key('query', proposal.unit.query)}")
    if proposal.company is not None:
        parts.append(f"{_told(proposal, 'company')}[company]\n{_key('query', proposal.company.query)}")
    else:
        parts.append(_told(proposal, "company").rstrip("\n"))
    parts += [_rule(rule) for rule in proposal.rules]
    parts += [_told(proposal, trigger).rstrip("\n") for trigger in ("send", "review") if _unknown(proposal, trigger)]
    parts.append(_expired(proposal))
    return "\n\n".join(part for part in parts if part) + "\n"


def _questions(proposal: Proposal) -> str:
    if not proposal.questions:
        return ""
    lines = ["What could not be known; answer it below, then take the question out:"]
    for number, question in enumerate(proposal.questions, 1):
        lines += _wrapped(question, f"{number:>2}. ", "    ")
    return _comments(lines)


def _indexes(proposal: Proposal) -> str:
    if not proposal.indexes:
        return ""
    lines = ["Indexes that the lookups want (psql, not in a transaction):"]
    for one in proposal.indexes:
        lines += [*_wrapped(one.reason, "-- ", "-- "), one.ddl]
    return _comments(lines)


def _contract(proposal: Proposal) -> str:
    lines = [_told(proposal, "contracts", "key", "status", "time zone", "never kept", "left out") + "[contract]"]
    if proposal.never:
        lines.append(f"never = {_list(proposal.never)}")
    outputs = list(_columns(proposal.outputs))
    body = ["SELECT " + outputs[0], *outputs[1:], f"FROM {proposal.table.sql} c", *proposal.joins]
    if proposal.where:
        body.append("WHERE " + " AND ".join(condition for condition, _ in proposal.where))
    return "\n".join([*lines, _key("query", "\n".join(body))])


def _columns(outputs: Sequence[Output]) -> Iterator[str]:
    """The select list: remarks as comments of SQL above their column, what is left out wholly in comments."""
    active = [one for one in outputs if one.active]
    for number, one in enumerate(active):
        written = _named(one) + ("," if number < len(active) - 1 else "")
        remark = f"-- {one.remark}\n       " if one.remark else ""
        yield f"{'' if number == 0 else '       '}{remark}" + written.replace("\n", "\n       ")
    for one in outputs:
        if not one.active:
            yield f"       -- {one.remark}"
            yield textwrap.indent(f", {_named(one)}", "       -- ")


def _named(output: Output) -> str:
    name = plain(output.name)
    return output.sql if output.sql == f"c.{name}" else f"{output.sql} AS {name}"


def _rule(rule: ProposedRule) -> str:
    lines = [*_wrapped(f"{rule.sureness}: {rule.why}", "# ", "# ")] if rule.active else []
    keys = [
        "[[capture]]",
        f'trigger  = "{rule.trigger}"',
        f"table    = {_text(rule.table)}",
        f"on       = {_list(rule.on) if len(rule.on) > 1 else _text(rule.on[0])}",
        f"contract = {_text(rule.contract)}",
        *([f"when     = {_text(rule.when)}"] if rule.when else []),
        *([f"detail   = {_text(rule.detail)}"] if rule.detail else []),
        *([f"ignore   = {_list(rule.ignore)}"] if rule.ignore else []),
    ]
    if rule.active:
        return "\n".join([*lines, *keys])
    return _comments([*_wrapped(f"{rule.sureness}: {rule.why}:"), *keys])


def _expired(proposal: Proposal) -> str:
    told = _told(proposal, "expiry")
    if proposal.expiry is None:
        return told.rstrip("\n")
    if proposal.expiry.open is not None:
        return f"{told}[expired]\n{_key('open', proposal.expiry.open)}"
    if proposal.expiry.query is not None:
        return f"{told}[expired]\n{_key('query', proposal.expiry.query)}"
    return told + _comments(["Left out: no status is known to be open.", "[expired]", "open = \"status IN ('...')\""])


def _told(proposal: Proposal, *what: str) -> str:
    """The choices about these, as comments."""
    lines = [line for one in proposal.choices if one.what in what for line in _choice(one)]
    return _comments(lines) + "\n" if lines else ""


def _choice(one: Choice) -> list[str]:
    return _wrapped(f"{one.what}: {one.chosen}. {one.sureness}: {one.why}", further="  ")


def _unknown(proposal: Proposal, trigger: str) -> bool:
    return trigger not in {rule.trigger for rule in proposal.rules}


def _wrapped(text: str, first: str = "", further: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


def _comments(lines: Iterable[str]) -> str:
    return "\n".join(f"# {line}".rstrip() for whole in lines for line in whole.splitlines() or [""])


def _list(names: Sequence[str]) -> str:
    return "[" + ", ".join(json.dumps(name, ensure_ascii=False) for name in names) + "]"


def _key(name: str, sql: str) -> str:
    if "\n" not in sql:
        return f"{name} = {_text(sql)}"
    body = textwrap.indent(sql, "  ")
    return f"{name} = '''\n{body}\n'''" if "'''" not in sql else f"{name} = {_text(sql)}"


def _text(text: str) -> str:
    """A string as TOML writes it: quotes of SQL without escapes where that can be."""
    if '"' in text and "'" not in text and "\n" not in text:
        return f"'{text}'"
    if '"' in text and "'''" not in text and not text.endswith("'"):
        return f"'''{text}'''"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
