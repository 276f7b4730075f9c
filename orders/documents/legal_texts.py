"""What French law has documents say: dated wordings, chosen at issue and frozen in the document."""

from dataclasses import asdict, dataclass, replace
from datetime import date


@dataclass(frozen=True)
class LegalTexts:
    """The wordings in force from ``valid_from`` on."""

    version: str
    valid_from: date
    sole_trader: str  # C. com. art. R526-27, in force since 15 May 2022
    franchise: str  # CGI art. 293 E
    on_debits: str  # CGI annexe II art. 242 nonies A, I, 11° ter
    goods: str  # CGI annexe II art. 242 nonies A, I, 11° bis
    services: str
    rcs_exempt: str  # C. com. art. L123-1-1, R123-237
    penalties: str  # C. com. art. L441-10, II: three times the legal rate at least
    recovery: str  # C. com. art. D441-5
    no_discount: str  # C. com. art. L441-9
    export: str  # CGI annexe II art. 242 nonies A, I, 12°
    within_union: str
    mandate: str  # CGI art. 289, I-2; BOI-TVA-DECLA-30-20-10
    mandate_of_note: str
    provisional: str

    def as_json(self) -> dict[str, str]:
        return {**asdict(self), "valid_from": self.valid_from.isoformat()}


_OF_2022 = LegalTexts(
    version="2026-11",
    valid_from=date(2022, 5, 15),
    sole_trader="EI",
    franchise="TVA non applicable, article 293 B du CGI",
    on_debits="Option pour le paiement de la taxe d’après les débits",
    goods="Livraison de biens",
    services="Prestation de services",
    rcs_exempt="Dispensé d’immatriculation au registre du commerce et des sociétés (RCS)",
    penalties="Pénalités de retard\u202f: trois fois le taux d’intérêt légal",
    recovery="Indemnité forfaitaire pour frais de recouvrement\u202f: 40\u00a0€",
    no_discount="Escompte pour paiement anticipé\u202f: néant",
    export="Exonération de TVA, article 262 I du CGI",
    within_union="Exonération de TVA, article 262 ter I du CGI",
    mandate="Facture établie par {by} au nom et pour le compte de {of}",
    mandate_of_note="Avoir établi par {by} au nom et pour le compte de {of}",
    provisional="Document provisoire sans valeur comptable",
)

# Newest last. A wording is never edited: a new one is added with its date.
VERSIONS = [
    _OF_2022,
    # The reference to the CGI may be printed until 30 June 2028. From then on the exemption is named
    # by the directive it comes from, as directive 2006/112/EC art. 226, 11) allows.
    replace(
        _OF_2022,
        version="2028-07",
        valid_from=date(2028, 7, 1),
        franchise="TVA non applicable, franchise en base, article 284 de la directive 2006/112/CE",
    ),
]


def texts_on(day: date) -> LegalTexts:
    """Return the wordings in force on ``day``; the oldest known for a day before all of them."""
    return next((texts for texts in reversed(VERSIONS) if texts.valid_from <= day), VERSIONS[0])
