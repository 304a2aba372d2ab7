"""What the contract application does: the acts that contract lives are made of, in plain SQL."""

from collections.abc import Callable
from decimal import Decimal

from outbox_demo.transaction import GOODS, Contract, Transaction

PEOPLE = ("Åsa Lindqvist", "Jürgen Groß", "Inés Peña", "Zoë O'Neill", "Łukasz Wójcik", "Noémie Lefèvre", "Søren Dahl")


def create(tx: Transaction, *, template: bool = False) -> Contract:
    """A contract with items and recipients, sometimes corrected before the commit."""
    unit_id, unit = tx.dice.choice(tx.register.units)
    companies = [None, *(company for company, owner in tx.register.companies if owner == unit_id)]
    amount = tx.some_amount()
    [(contract_id,)] = tx.run(
        "INSERT INTO contract (number, title, business_unit_id, company_id, amount, terms, is_template, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, now() + make_interval(days => %s)) RETURNING id",
        f"C-{tx.dice.randrange(10**12):012d}",
        tx.dice.choice(GOODS),
        unit_id,
        tx.dice.choice(companies),
        amount,
        tx.dice.choice((None, "", "30 days net", "§ 1 Everything & <nothing>\n" * tx.dice.randrange(1, 300))),
        template,
        tx.dice.randrange(20, 90),
    )
    people = tx.dice.sample(PEOPLE, tx.dice.randrange(1, 4))
    signers = tuple(f"{contract_id}.{number}@example.com" for number, _ in enumerate(people))
    contract = Contract(contract_id, unit, template, signers)
    tx.note("insert", contract)
    for position in range(1, tx.dice.randrange(2, 5)):
        tx.add_item(contract, position)
    for name, email in zip(people, signers, strict=True):
        tx.run("INSERT INTO recipient (contract_id, name, email) VALUES (%s, %s, %s)", contract_id, name, email)
    if tx.chance(0.3):
        tx.edit(contract, "amount", amount + 1)
    tx.moves.append(("template" if template else "draft", contract))
    return contract


def create_template(tx: Transaction) -> None:
    """A template: it must raise nothing, whatever happens to it."""
    create(tx, template=True)


def edit_template(tx: Transaction) -> None:
    """A template is edited, gets an item, and is even sent for a try."""
    if (contract := tx.any_of("template")) is not None:
        tx.edit(contract, "title", tx.some_title())
        tx.add_item(contract, tx.dice.randrange(10, 10**9))
        tx.mail(contract, "invitation", contract.signers[0])


def edit(tx: Transaction) -> None:
    """One column or two, in one statement each."""
    if (contract := tx.any_of("draft", "sent")) is not None:
        tx.edit(contract, "title", tx.some_title())
        if tx.chance(0.4):
            tx.edit(contract, "terms", f"{tx.dice.randrange(1, 90)} days net")


def edit_repeatedly(tx: Transaction) -> None:
    """Several edits in one transaction are one update."""
    if (contract := tx.any_of("draft", "sent")) is not None:
        for _ in range(tx.dice.randrange(2, 6)):
            tx.edit(contract, "amount", tx.some_amount())


def edit_and_revert(tx: Transaction) -> None:
    """What is taken back before the commit has not happened; nor has a save that changes nothing."""
    if (contract := tx.any_of("draft", "sent")) is not None:
        before = tx.edit(contract, "title", "in error")
        if before is not None:
            tx.edit(contract, "title", before)
        tx.edit(contract, "currency", "EUR")


def edit_in_savepoint(tx: Transaction) -> None:
    """An inner part is rolled back, the rest commits."""
    if (contract := tx.any_of("draft", "sent")) is not None:
        before = len(tx.deeds)
        tx.run("SAVEPOINT attempt")
        tx.edit(contract, "amount", Decimal("0.01"))
        tx.mail(contract, "invitation", contract.signers[0])
        tx.run("ROLLBACK TO SAVEPOINT attempt")
        del tx.deeds[before:]
        if tx.chance(0.5):
            tx.edit(contract, "title", tx.some_title())


def edit_in_bulk(tx: Transaction) -> None:
    """One statement prolongs many contracts of a unit, templates among them."""
    unit_id, unit = tx.dice.choice(tx.register.units)
    prolonged = tx.run(
        "UPDATE contract SET expires_at = expires_at + interval '7 days' WHERE id IN"
        " (SELECT id FROM contract WHERE business_unit_id = %s AND status IN ('draft', 'sent')"
        "  ORDER BY id DESC LIMIT 12 FOR UPDATE)"
        " RETURNING id, is_template, CAST(expires_at - interval '7 days' AS text), CAST(expires_at AS text)",
        unit_id,
    )
    for contract_id, template, old, new in prolonged:
        tx.note("edit", Contract(contract_id, unit, template, ()), changed={"expires_at": [old, new]})


def add_item(tx: Transaction) -> None:
    """A further item, and the amount that follows from it."""
    if (contract := tx.any_of("draft")) is not None:
        tx.add_item(contract, tx.dice.randrange(10, 10**9))
        tx.edit(contract, "amount", tx.some_amount())


def view(tx: Transaction) -> None:
    """Someone looks at a contract: counted by the application, reported to nobody."""
    if (contract := tx.any_of("draft", "sent")) is not None:
        tx.run("UPDATE contract SET view_count = view_count + 1, last_viewed_at = now() WHERE id = %s", contract.id)
        tx.note("edit", contract, changed={"view_count": [0, 1], "last_viewed_at": [0, 1]})


def send(tx: Transaction) -> None:
    """The invitation goes to every signer, and the contract's status says so."""
    if (contract := tx.take("draft")) is not None:
        for email in contract.signers:
            tx.mail(contract, "invitation", email)
        tx.edit(contract, "status", "sent")
        tx.moves.append(("sent", contract))


def send_again(tx: Transaction) -> None:
    """An invitation once more, to one signer; or twice to the same one in a transaction, which is one report."""
    if (contract := tx.any_of("sent")) is not None:
        for _ in range(tx.dice.choice((1, 1, 1, 2))):
            tx.mail(contract, "invitation", contract.signers[0])


def remind(tx: Transaction) -> None:
    """A reminder is no invitation: it raises nothing."""
    if (contract := tx.any_of("sent")) is not None:
        tx.mail(contract, "reminder", contract.signers[-1])


def review(tx: Transaction) -> None:
    """Someone reviews the contract in the checkout."""
    if (contract := tx.any_of("sent")) is not None:
        verdict = tx.dice.choice(("approved", "approved", "changes requested"))
        reviewer = tx.dice.choice(contract.signers)
        tx.run(
            "INSERT INTO checkout_review (contract_id, reviewer, verdict, remark) VALUES (%s, %s, %s, %s)",
            *(contract.id, reviewer, verdict, tx.dice.choice((None, "Paragraf 4, „später“"))),
        )
        tx.note("review", contract, detail={"reviewer": reviewer, "verdict": verdict})


def sign(tx: Transaction) -> None:
    """All signers sign; the status follows."""
    if (contract := tx.take("sent")) is not None:
        tx.run("UPDATE recipient SET signed_at = now() WHERE contract_id = %s", contract.id)
        tx.edit(contract, "status", "signed")
        tx.moves.append(("signed", contract))


def pay(tx: Transaction) -> None:
    """The contract is paid, and its life ends."""
    if (contract := tx.take("signed")) is not None:
        tx.run("INSERT INTO payment (contract_id, amount, method) VALUES (%s, 99.95, 'transfer')", contract.id)
        tx.edit(contract, "status", "paid")


def delete_draft(tx: Transaction) -> None:
    """A draft is thrown away with all that hangs on it: there is nothing left to report."""
    if (contract := tx.take("draft")) is not None:
        if tx.chance(0.5):
            tx.edit(contract, "title", "to be deleted")
        tx.run("DELETE FROM contract WHERE id = %s", contract.id)
        tx.note("delete", contract)


def abandon(tx: Transaction) -> None:
    """A whole life's beginning is rolled back."""
    contract = create(tx)
    tx.mail(contract, "invitation", contract.signers[0])
    tx.edit(contract, "status", "sent")
    tx.give_up = True


ACTS: tuple[tuple[Callable[[Transaction], object], int], ...] = (
    *((create, 14), (create_template, 1), (edit_template, 2), (edit, 16), (edit_repeatedly, 6)),
    *((edit_and_revert, 4), (edit_in_savepoint, 3), (edit_in_bulk, 2), (add_item, 5), (view, 6)),
    *((send, 12), (send_again, 5), (remind, 4), (review, 9), (sign, 10), (pay, 10), (delete_draft, 2), (abandon, 4)),
)
ENDINGS = tuple((act, weight) for act, weight in ACTS if act in (send, sign, pay, review, delete_draft))
