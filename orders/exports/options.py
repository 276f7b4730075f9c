"""What an export's address asks for, and the refusal of what it cannot mean."""

from dataclasses import dataclass
from typing import Self

from django.http import QueryDict
from django.utils.translation import gettext as _

CHOICES = {"rows": ("orders", "lines"), "headers": ("labels", "codes"), "dialect": ("strict", "excel")}


class WrongParameter(Exception):
    """A parameter has a value that means nothing; the message names what it is about, and why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(_("Nothing was exported. %(name)s: %(reason)s") % {"name": name, "reason": reason})


@dataclass(frozen=True)
class Options:
    """The choices of an export beside the filters; what is not said is the first choice."""

    rows: str
    headers: str
    dialect: str

    @classmethod
    def of(cls, query: QueryDict) -> Self:
        """Read the query string; raises WrongParameter."""
        return cls(**{name: _choice(query, name) for name in CHOICES})


def _choice(query: QueryDict, name: str) -> str:
    value = query.get(name, CHOICES[name][0])
    if value not in CHOICES[name]:
        reason = _("there is no “%(value)s”, use %(choices)s.")
        raise WrongParameter(name, reason % {"value": value[:100], "choices": ", ".join(CHOICES[name])})
    return value
