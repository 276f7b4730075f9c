"""Passwords that are guessed first in France, and those made of the marketplace's own name.

Django's list of common passwords is English. OWASP ASVS 5.0, 6.2.11, asks for words of the context.
"""

import re
import unicodedata
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

CONTEXT = ("comptoir",)
LEAST_BESIDE = 4  # letters that a password needs beside the marketplace's name
COMMON = frozenset(
    [
        "motdepasse",
        "motdepasses",
        "monmotdepasse",
        "azerty",
        "azertyuiop",
        "azertyui",
        "qsdfghjklm",
        "qsdfghjkl",
        "wxcvbn",
        "azertyqsdf",
        "bonjour",
        "bonjouratous",
        "bonsoir",
        "bienvenue",
        "coucou",
        "soleil",
        "doudou",
        "loulou",
        "chouchou",
        "cheval",
        "chocolat",
        "jetaime",
        "jetaimemonamour",
        "monamour",
        "amour",
        "moncoeur",
        "princesse",
        "marseille",
        "olympique",
        "olympiquedemarseille",
        "paris",
        "parissaintgermain",
        "france",
        "vivelafrance",
        "administrateur",
        "administrator",
        "utilisateur",
        "secret",
        "motsecret",
        "secretsecret",
        "ouvretoi",
        "sesame",
        "sesameouvretoi",
        "boutique",
        "maboutique",
        "commande",
        "commandes",
        "vendeur",
        "vendeuse",
        "marchand",
        "marketplace",
        "janvier",
        "fevrier",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "aout",
        "septembre",
        "octobre",
        "novembre",
        "decembre",
        "printemps",
        "automne",
        "hiver",
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
        "nicolas",
        "camille",
        "isabelle",
        "dominique",
        "philippe",
        "catherine",
        "caroline",
        "stephanie",
        "christophe",
    ]
)


class FrenchPasswords:
    """Refuses a known word with numbers and signs around it, once or repeated."""

    def validate(self, password: str, user: Any = None) -> None:
        letters = _letters(password)
        once = re.sub(r"^(.+?)\1+$", r"\1", letters)
        names = (*CONTEXT, _letters(settings.MARKETPLACE_NAME))
        is_name = any(
            name and name in letters and len(letters.replace(name, "")) < LEAST_BESIDE for name in names
        )
        if is_name or letters in COMMON or once in COMMON:
            raise ValidationError(_("This password is among those that are guessed first."), "guessed_first")

    def get_help_text(self) -> str:
        return _("Neither a usual word with a number, nor the name of the marketplace.")


def _letters(text: str) -> str:
    """The letters of ``text`` without case and accents."""
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", text).casefold())
