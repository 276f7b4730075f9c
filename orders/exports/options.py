"""What an export's address asks for, and the refusal of what it cannot mean."""

from dataclasses import dataclass
from typing import Self

from django.http import QueryDict
from django.utils.translation import gettext as _

CHOICES = {"rows": ("orders", "lines"), "headers": ("labels", "codes"), "dialect": ("strict", "excel")}


class WrongParameter(Exception):
    """A parameter has a value that means nothing; the message names both."""

    def __init__(self, name: str, value: str, reason: str) -> None:
        sentence = _("Nothing was exported, since %(parameter)s=%(value)s cannot be: %(reason)s")
        super().__init__(sentence % {"parameter": name, "value": value[:100], "reason": reason})


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
        raise WrongParameter(name, value, _("use %(choices)s.") % {"choices": ", ".join(CHOICES[name])})
    return value
