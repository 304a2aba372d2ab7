"""How names are read: the words that contract applications use, in English, German, some French and Spanish."""

import re
import unicodedata
from collections.abc import Collection
from functools import cache
from itertools import pairwise
from typing import TypeAlias

Words: TypeAlias = tuple[tuple[str, float], ...]
"""Words with their weights, 10 the most telling."""

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
NOISE = frozenset({"id", "ids", "nr", "no", "fk", "ref", "uuid", "guid", "tbl", "tab", "t", "key"})
_TIMES = frozenset({"at", "on", "am", "ts", "date", "time", "datum", "zeit", "timestamp", "dt", "utc", "is", "ist"})
_SHORTEST_IN_COMPOUND = 5
_SHORTEST_PLURAL = 4


def weighed(**words: float) -> Words:
    """Words as they are written in names, without spaces."""
    return tuple(words.items())


CONTRACT = weighed(
    contract=10, agreement=10, vertrag=10, contrat=10, contrato=10, vereinbarung=8, acuerdo=8, accord=7, deal=7,
    envelope=7, lease=7, policy=5, police=5, subscription=5, mandate=5, offer=6, quote=5, proposal=5, angebot=6,
    auftrag=6, order=5, bestellung=5, transaction=5, vorgang=5, document=5, dokument=5, case=4, dossier=5,
)  # fmt: skip


def _words(written: str) -> frozenset[str]:
    return frozenset(written.split())


NO_CONTRACT = _words(
    """
    item line position posten log history verlauf protokoll audit event template vorlage type typ art version
    archive archiv setting category kategorie status state tag note comment attachment anhang file job queue
    migration email mail recipient empfaenger user person company firma kunde customer client account
    """
)
BUSINESS_UNIT = weighed(
    businessunit=10, tenant=9, mandant=9, mandator=8, geschaeftsbereich=9, geschaeftseinheit=9, division=8, orgunit=8,
    organization=8, organisation=8, unit=7, department=7, abteilung=7, niederlassung=7, subsidiary=7, branch=6,
    filiale=6, bereich=6, legalentity=7, entity=5, workspace=5, provider=5, team=5, standort=5, location=4, site=4,
    region=3, brand=4, office=4,
)  # fmt: skip
COMPANY = weighed(
    company=10, firma=10, customer=9, kunde=9, geschaeftspartner=9, businesspartner=9, client=8, counterparty=8,
    debitor=8, unternehmen=9, entreprise=9, empresa=9, cliente=8, partner=6, vendor=6, supplier=6, lieferant=6,
    account=5, party=4, organization=4, organisation=4,
)  # fmt: skip
STATUS = weighed(status=10, state=8, stage=8, phase=7, zustand=9, lifecycle=8, statut=9, estado=9, stand=6, stufe=5)
EXPIRY = weighed(
    expiresat=10, expires=10, expiresin=3, expiry=10, expiration=10, expirydate=10, validuntil=10, validto=9,
    validthru=9, deadline=8, respondby=8, answerby=8, signby=8, due=6, dueby=7, enddate=5, endsat=6, ends=5,
    ablauf=10, ablaufdatum=10, laeuftab=10, laeuftabam=10, gueltigbis=10, frist=9, annahmefrist=9, bindefrist=9,
    laufzeitende=7, vertragsende=6, echeance=8, vencimiento=8,
)  # fmt: skip
KIND = weighed(kind=10, type=9, typ=9, art=9, category=7, template=6, vorlage=6, channel=4, purpose=6, zweck=6)
LABEL = weighed(
    name=10, displayname=9, legalname=10, title=8, titel=8, label=8, bezeichnung=9, firma=7, firmenname=10, code=5,
    kuerzel=4, nom=9, nombre=9, text=4,
)  # fmt: skip
PEOPLE = weighed(
    email=10, mail=8, address=6, adresse=6, to=5, recipient=8, empfaenger=8, reviewer=10, pruefer=10, user=5, by=4,
    approver=9, name=5, verdict=9, decision=9, result=8, ergebnis=9, entscheidung=9, outcome=8, urteil=8,
)  # fmt: skip

RECIPIENT = weighed(
    recipient=10, signer=9, signatory=9, participant=8, party=8, empfaenger=10, unterzeichner=9, beteiligter=8,
    beteiligte=8, vertragspartner=8, vertragspartei=8, contact=4, destinataire=9, destinatario=9, signataire=9,
)  # fmt: skip
EMAIL = weighed(
    email=10, mail=9, invitation=9, einladung=9, versand=8, dispatch=7, benachrichtigung=6, notification=6,
    nachricht=5, message=5, outgoing=5, sending=7, courriel=9, correo=9,
)  # fmt: skip
REVIEW = weighed(
    review=10, pruefung=9, approval=8, checkout=8, freigabe=9, genehmigung=8, begutachtung=8, feedback=5, durchsicht=8
)
SIGNATURE = weighed(signature=10, unterschrift=10, signatur=10, signing=8, unterzeichnung=9)
LINE = weighed(
    item=9, line=8, position=8, posten=8, product=6, produkt=6, artikel=6, clause=6, klausel=6, leistung=6, service=4
)
PAYMENT = weighed(payment=9, zahlung=9, instalment=7, installment=7, rate=4, invoice=5, rechnung=5)
LOG = weighed(
    log=10, history=10, historie=10, verlauf=10, protokoll=10, audit=9, event=7, transition=9, journal=7, trail=8,
    change=6, aenderung=6, statushistory=10, activity=6, ereignis=7,
)  # fmt: skip

NEVER = _words(
    """
    password passwd pwd passwort kennwort passphrase token secret geheim geheimnis hash salt apikey privatekey
    credential credentials otp cvv cvc accesskey magiclink accesscode zugangscode
    """
)
IGNORED = _words(
    """
    updated modified lastmodified changed lastchanged lastupdated touched viewcount views hits lastviewed
    lastseen lastaccess lastaccessed lastopened viewed rowversion lockversion optlock synced lastsync lastsynced
    searchvector tsv geaendert aenderung letzteaenderung zuletztgeaendert zuletztgesehen aufrufe
    aenderungszeitpunkt updatedby modifiedby geaendertvon
    """
)
DELETED = _words(
    """
    deleted isdeleted removed softdeleted geloescht supprime eliminado
    """
)
TEMPLATE = _words(
    """
    template vorlage muster modele plantilla
    """
)
SENT = _words(
    """
    sent sentout invited dispatched mailed versandt versendet gesendet verschickt eingeladen
    """
)
REVIEWED = _words(
    """
    reviewed approved decided geprueft freigegeben genehmigt entschieden
    """
)
SIGNED = _words(
    """
    signed answered responded completed unterschrieben unterzeichnet gezeichnet beantwortet
    """
)
MADE = _words(
    """
    created inserted occurred happened erstellt angelegt zeitpunkt at ts timestamp changed zeit
    """
)

OPEN_STATUS = _words(
    """
    draft new created open pending sent delivered viewed inreview review reviewed inprogress waiting awaiting
    prepared ready outforsignature awaitingsignature partiallysigned invited offered active submitted
    underreview scheduled entwurf neu angelegt erstellt offen ausstehend gesendet versandt versendet zugestellt
    gesehen inpruefung inbearbeitung wartend bereit zurunterschrift angeboten aktiv eingeladen geprueft
    teilweiseunterschrieben brouillon envoye ouvert borrador enviado abierto
    """
)
CLOSED_STATUS = _words(
    """
    signed executed paid cancelled canceled expired completed complete declined rejected closed archived
    terminated void voided done finished deleted withdrawn revoked won lost fulfilled ended lapsed
    unterschrieben unterzeichnet bezahlt storniert abgelaufen abgeschlossen beendet gekuendigt abgelehnt
    archiviert geloescht zurueckgezogen widerrufen erledigt geschlossen verfallen erfuellt signe paye annule
    firmado pagado cancelado vencido
    """
)
SENT_STATUS = _words(
    """
    sent outforsignature awaitingsignature invited offered gesendet versandt versendet zurunterschrift angeboten
    envoye enviado
    """
)
REVIEW_STATUS = _words(
    """
    reviewed inreview underreview review geprueft inpruefung
    """
)
INVITATION = _words(
    """
    invitation invite sent signrequest signaturerequest contract sending einladung versand angebot zusendung
    """
)

_PLURALS = {
    "vertraege": "vertrag", "vereinbarungen": "vereinbarung", "angebote": "angebot", "auftraege": "auftrag",
    "vorgaenge": "vorgang", "dokumente": "dokument", "firmen": "firma", "kunden": "kunde", "mandanten": "mandant",
    "abteilungen": "abteilung", "niederlassungen": "niederlassung", "bereiche": "bereich", "filialen": "filiale",
    "pruefungen": "pruefung", "freigaben": "freigabe", "unterschriften": "unterschrift", "signaturen": "signatur",
    "positionen": "position", "einladungen": "einladung", "nachrichten": "nachricht", "zahlungen": "zahlung",
    "geschaeftsbereiche": "geschaeftsbereich", "partner": "partner", "standorte": "standort", "historien": "historie",
    "benachrichtigungen": "benachrichtigung", "vorlagen": "vorlage", "protokolle": "protokoll",
}  # fmt: skip


@cache
def tokens(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: split at underscores, camel case and digits, umlauts written out."""
    written = unicodedata.normalize("NFKD", name.translate(_UMLAUTS)).encode("ascii", "ignore").decode()
    return tuple(one.lower() for one in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", written))


def squeezed(name: str) -> str:
    """A name or value as one word."""
    return "".join(tokens(name))


@cache
def singular(word: str) -> str:
    """A word without its plural, where that is told by its end or known."""
    known = next((plural for plural in _PLURALS if word.endswith(plural)), None)
    if known is not None:
        return word.removesuffix(known) + _PLURALS[known]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    plural = len(word) >= _SHORTEST_PLURAL and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def stem(name: str) -> str:
    """What a name names: `contract_id` and `Contracts` are both `contract`."""
    spoken = [one for one in tokens(name) if one not in NOISE] or list(tokens(name))
    return "".join([*spoken[:-1], *map(singular, spoken[-1:])])


@cache
def score(name: str, words: Words) -> float:
    """How well a name fits: whole, by its last words, by the end of a compound; a word in front tells little."""
    spoken = [one for one in tokens(name) if one not in NOISE] or list(tokens(name))
    forms = (spoken, [singular(one) for one in spoken])
    return max((weight * _fit(form, word) for word, weight in words for form in forms), default=0.0)


def _fit(spoken: list[str], word: str) -> float:
    ends = {"".join(spoken[at:]): at for at in range(len(spoken))}
    if word in ends:
        return 1.0 if ends[word] == 0 else 0.9
    compounds = len(word) >= _SHORTEST_IN_COMPOUND
    if compounds and spoken and spoken[-1].endswith(word):
        return 0.85
    return 0.3 if any(one == word or (compounds and one.startswith(word)) for one in spoken) else 0.0


def said(name: str, words: Collection[str]) -> bool:
    """Whether a column's name is one of the words, or ends so, times such as `at` aside."""
    spoken = tokens(name)
    rest = [one for one in spoken if one not in _TIMES]
    return any("".join(form[at:]) in words for form in (spoken, rest) for at in range(len(form)))


def speaks_of(name: str, words: Collection[str]) -> bool:
    """Whether any of the words, or two neighbours as one, stand in a name."""
    spoken = [form for one in tokens(name) for form in (one, singular(one))]
    pairs = {first + second for first, second in pairwise(tokens(name))}
    return bool((set(spoken) | pairs) & set(words))
