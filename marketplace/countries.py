"""Countries: which codes are known, and how the last line of an address names them."""

# ISO 3166: where the marketplace's parcels go to, in French. Another country is named by its code.
COUNTRIES = {
    "AT": "Autriche",
    "BE": "Belgique",
    "BG": "Bulgarie",
    "CH": "Suisse",
    "CY": "Chypre",
    "CZ": "Tchéquie",
    "DE": "Allemagne",
    "DK": "Danemark",
    "EE": "Estonie",
    "ES": "Espagne",
    "FI": "Finlande",
    "GB": "Royaume-Uni",
    "GR": "Grèce",
    "HR": "Croatie",
    "HU": "Hongrie",
    "IE": "Irlande",
    "IT": "Italie",
    "LT": "Lituanie",
    "LU": "Luxembourg",
    "LV": "Lettonie",
    "MC": "Monaco",
    "MT": "Malte",
    "NL": "Pays-Bas",
    "NO": "Norvège",
    "PL": "Pologne",
    "PT": "Portugal",
    "RO": "Roumanie",
    "SE": "Suède",
    "SI": "Slovénie",
    "SK": "Slovaquie",
    "AD": "Andorre",
    "CA": "Canada",
    "US": "États-Unis",
    "GP": "Guadeloupe",
    "MQ": "Martinique",
    "GF": "Guyane",
    "RE": "La Réunion",
    "YT": "Mayotte",
    "NC": "Nouvelle-Calédonie",
    "PF": "Polynésie française",
    "PM": "Saint-Pierre-et-Miquelon",
    "BL": "Saint-Barthélemy",
    "MF": "Saint-Martin",
    "WF": "Wallis-et-Futuna",
    "XK": "Kosovo",
}


UNION = frozenset(  # without France and Monaco, which is France for VAT
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)


def postal_country(code: str) -> str:
    """Return a country as it stands on a parcel from France: in French capitals; nothing for France.

    ``code`` is of ISO 3166; one that is not known is returned as it is.
    """
    code = country_code(code) or code
    return "" if code in ("", "FR") else COUNTRIES.get(code, code).upper()


# ISO 3166-1 as far as an electronic invoice takes it (EN 16931, BR-CL-14), and XK for Kosovo.
_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW
BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI
FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN
IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME
MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF
PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR ST SV SX
SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE
YT ZA ZM ZW
"""
CODES = frozenset(_CODES.split())
# Other codes that are in use for them.
ALSO_CALLED = {"UK": "GB", "EL": "GR"}

# Where INSEE numbers businesses: whoever has a SIRET is there.
WITH_SIRET = {
    "FR": "France",
    **{
        code: COUNTRIES[code]
        for code in ("GP", "MQ", "GF", "RE", "YT", "BL", "MF", "PM", "NC", "PF", "WF", "MC")
    },
}


def country_code(text: str) -> str:
    """Return the code of ISO 3166 that is meant; empty for one that is not known."""
    code = ALSO_CALLED.get(text.strip().upper(), text.strip().upper())
    return code if code in CODES else ""
