"""A shop's legal identity: what invoices need of it, how it changes, and who changed what.

Sources: CGI annexe II art. 242 nonies A; C. com. art. L123-1-1, R123-237, R123-238, R526-27.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from stdnum import iban
from stdnum.fr import siren, siret, tva

from marketplace.audit import AuditKind, audit
from marketplace.countries import WITH_SIRET
from marketplace.formats import labelled, money, short_date
from vendors.models import IdentityChange, LegalIdentity, User, VatChange

PREFIX = re.compile(r"[A-Z0-9]{1,12}")
VAT_CHANGES = "vat_changes"
HASHED = frozenset({"logo_svg", "logo_image"})


@dataclass(frozen=True)
class Missing:
    """A part of the identity that invoices lack: the form's field, and what it is in a phrase."""

    field: str
    phrase: str

    def __str__(self) -> str:
        return self.phrase


def missing_parts(identity: LegalIdentity, on: date) -> list[Missing]:
    """Return what invoices about supplies of the day ``on`` still lack; empty if nothing."""
    trader = identity.is_sole_trader
    has_rcs = trader or identity.is_rcs_exempt or bool(identity.rcs_town.strip())
    needs_vat_number = not identity.is_franchise_on(on) or bool(identity.vat_number)
    address = {name: getattr(identity, name).strip() for name in ("address_1", "postcode", "city")}
    first_gap = next((name for name, text in address.items() if not text), "address_1")
    form = "capital" if identity.legal_form.strip() else "legal_form"
    has_form = bool(identity.legal_form.strip()) and identity.capital is not None
    is_negative = has_form and not trader and (identity.capital or 0) < 0
    wanted = [
        ("legal_name", _("the legal name"), bool(identity.legal_name.strip())),
        (
            form,
            _("the legal form and the share capital, or that the seller is a sole trader"),
            trader or has_form,
        ),
        ("capital", _("a share capital that is nothing or more"), not is_negative),
        (first_gap, _("the address with postcode and town"), all(address.values())),
        (
            "postcode",
            _("a postcode of five digits"),
            not address["postcode"] or is_postcode(address["postcode"]),
        ),
        ("country", _("the country of the register: France or overseas"), identity.country in WITH_SIRET),
        ("siret", _("a valid SIRET"), is_siret(identity.siret)),
        ("rcs_town", _("the town of the trade register (RCS)"), has_rcs),
        (
            "vat_number",
            _("a VAT number that belongs to the SIREN"),
            not needs_vat_number or is_vat_number_of(identity.vat_number, identity.siren),
        ),
        ("prefix", _("the prefix of the numbers"), bool(PREFIX.fullmatch(identity.prefix))),
    ]
    return [Missing(field, phrase) for field, phrase, is_there in wanted if not is_there]


def is_postcode(text: str) -> bool:
    """Say whether this is a postcode of France, of its overseas or of Monaco."""
    return _is_digits(text, 5)


def is_siren(digits: str) -> bool:
    """Say whether these are nine digits that pass Luhn's check."""
    return _is_digits(digits, 9) and siren.is_valid(digits)


def is_siret(digits: str) -> bool:
    """Say whether these are 14 digits that pass Luhn's check, as their first nine (the SIREN) do.

    Most of La Poste's own pass another: their digits add up to a multiple of five.
    """
    return _is_digits(digits, 14) and siret.is_valid(digits)


def is_vat_number_of(number: str, siren_digits: str) -> bool:
    """Say whether a VAT number is FR, a key, the SIREN: (12 + 3 × SIREN mod 97) mod 97 where it is digits."""
    compact = "".join(number.split()).upper()
    belongs = compact.isascii() and compact.startswith("FR") and compact.endswith(siren_digits)
    return bool(siren_digits) and belongs and tva.is_valid(compact)


class PrefixTaken(Exception):
    """Two shops of one legal person would give the same numbers; the message says which prefix."""

    def __init__(self, prefix: str) -> None:
        super().__init__(
            _(
                "Another shop of the same company has or had the prefix %(prefix)s: "
                "numbers would be given twice."
            )
            % {"prefix": prefix}
        )


def check_prefix(prefix: str, siren_digits: str, vendor_id: int) -> None:
    """Raise PrefixTaken where another shop that is or was of the legal person has or had this prefix.

    A number stands once for a seller (CGI annexe II art. 242 nonies A, I, 7°), also one that
    was given before the other shop changed its prefix.
    """
    if not (prefix and siren_digits):
        return
    others = LegalIdentity.objects.exclude(vendor_id=vendor_id)
    company = others.filter(Q(siret__startswith=siren_digits) | _had("siret", "startswith", siren_digits))
    if company.filter(Q(prefix=prefix) | _had("prefix", "exact", prefix)).exists():
        raise PrefixTaken(prefix)


def _had(field: str, lookup: str, value: str) -> Q:
    """Keep the identities whose trail has a value of a field."""
    changes = IdentityChange.objects.filter(
        Q(**{f"before__{lookup}": value}) | Q(**{f"after__{lookup}": value}), field=field
    )
    return Q(vendor__in=changes.values("vendor"))


def is_iban(number: str) -> bool:
    return iban.is_valid(number)


def _is_digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdecimal()


@transaction.atomic
def change_identity(
    identity: LegalIdentity,
    values: Mapping[str, Any],
    *,
    vat_changes: Mapping[date, str] | None = None,
    by: User | None,
    at: datetime,
) -> list[IdentityChange]:
    """Write new values and, for each that differs, a row of the trail; return those rows.

    What differs is one entry of the audit too. Locks the identity.
    ``vat_changes`` is ``{first day: regime}`` in place of those that stand;
    None leaves them. Documents that were issued keep what they say. Raises PrefixTaken.
    """
    stored = LegalIdentity.objects.select_for_update().get(pk=identity.pk)
    changes = []
    for name, value in values.items():
        before = getattr(stored, name)
        setattr(identity, name, value)
        if before != value:
            changes.append((name, _text(name, before), _text(name, value)))
    if {"prefix", "siret"} & {name for name, _before, _after in changes}:
        _one_at_a_time(identity.siren)
        check_prefix(identity.prefix, identity.siren, identity.vendor_id)
    identity.save(update_fields=[name for name, _before, _after in changes])
    if vat_changes is not None:
        changes += _change_regimes(identity, vat_changes)
    if changes:
        differs = {name: [before, after] for name, before, after in changes}
        audit(AuditKind.SETTINGS_CHANGED, by=by, vendor=identity.vendor, subject=identity, changes=differs)
    return [
        IdentityChange.objects.create(
            vendor_id=identity.vendor_id, at=at, by=by, field=name, before=before, after=after
        )
        for name, before, after in changes
    ]


def _one_at_a_time(siren_digits: str) -> None:
    """Let the shops of one legal person choose their prefixes one after the other; SQLite does so anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('comptoir prefix', %s))",
                [int(siren_digits or 0)],
            )


def _change_regimes(identity: LegalIdentity, wanted: Mapping[date, str]) -> list[tuple[str, str, str]]:
    stored = {change.starts_on: change.regime for change in VatChange.objects.filter(identity=identity)}
    if stored == dict(wanted):
        return []
    VatChange.objects.filter(identity=identity).delete()
    VatChange.objects.bulk_create(
        VatChange(identity=identity, starts_on=day, regime=regime) for day, regime in sorted(wanted.items())
    )
    return [(VAT_CHANGES, _regimes_text(stored), _regimes_text(wanted))]


def _regimes_text(regimes: Mapping[date, str]) -> str:
    return ", ".join(f"{day.isoformat()} {regime}" for day, regime in sorted(regimes.items()))


def _text(name: str, value: Any) -> str:
    """Return a value as the trail keeps it; a picture by its fingerprint."""
    text = "" if value is None else str(value)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if name in HASHED and text else text


def label_of(field: str) -> str:
    """Return what a field of the trail is called."""
    if field == VAT_CHANGES:
        return str(VatChange._meta.verbose_name_plural)
    column = LegalIdentity._meta.get_field(field)
    return str(column.verbose_name) if isinstance(column, models.Field) else field


def shown(field: str, text: str) -> str:
    """Return a value of the trail in words: what was yes or no, a choice, a date or a picture."""
    if not text:
        return ""
    if field == VAT_CHANGES:
        parts = (part.split(" ", 1) for part in text.split(", "))
        regimes = dict[str, Any](LegalIdentity.VatRegime.choices)
        return ", ".join(
            labelled(short_date(date.fromisoformat(day)), str(regimes.get(regime, regime)))
            for day, regime in parts
        )
    if field in HASHED:
        return _("a picture")
    column = LegalIdentity._meta.get_field(field)
    if isinstance(column, models.BooleanField):
        return _("yes") if text == "True" else _("no")
    if isinstance(column, models.DecimalField):
        return money(Decimal(text))
    choices = dict(getattr(column, "flatchoices", []))
    return str(choices.get(text, text))
