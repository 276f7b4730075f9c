"""What French law has documents say: dated wordings, chosen at issue and frozen in the document."""

from dataclasses import asdict, dataclass
from datetime import date


@dataclass(frozen=True)
class LegalTexts:
    """The wordings in force from ``valid_from`` on."""

    version: str
    valid_from: date
    sole_trader: str  # C. com. art. R526-27, in force since 15 May 2022
    franchise: str  # CGI art. 293 E; this wording is valid until 30 June 2028
    on_debits: str  # CGI annexe II art. 242 nonies A, I, 11° ter
    goods: str  # CGI annexe II art. 242 nonies A, I, 11° bis
    services: str
    provisional: str

    def as_json(self) -> dict[str, str]:
        return {**asdict(self), "valid_from": self.valid_from.isoformat()}


# Newest last. A wording is never edited: a new one is added with its date.
VERSIONS = [
    LegalTexts(
        version="2026-11",
        valid_from=date(2022, 5, 15),
        sole_trader="EI",
        franchise="TVA non applicable, article 293 B du CGI",
        on_debits="Option pour le paiement de la taxe d’après les débits",
        goods="Livraison de biens",
        services="Prestation de services",
        provisional="Document provisoire sans valeur comptable",
    )
]


def texts_on(day: date) -> LegalTexts:
    """Return the wordings in force on ``day``; the oldest known for a day before all of them."""
    return next((texts for texts in reversed(VERSIONS) if texts.valid_from <= day), VERSIONS[0])
