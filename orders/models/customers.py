"""Who bought: registered customers and guests, each known to one shop alone."""

import unicodedata
from typing import Any

from django.db import models
from django.db.models import BigAutoField, CharField, F, Lookup, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models.intake import Source
from vendors.models import Vendor
from vendors.scope import OwnedByShop, ScopedQuerySet

# Letters that Unicode's decomposition leaves whole.
_WHOLE_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "’": "'"})
START_LENGTH = 80
MOST_WORDS = 24


def normalise(name: str) -> str:
    """Fold case, accents and blanks away, so that « Bénédicte » and « benedicte » are one."""
    folded = unicodedata.normalize("NFKD", name).casefold().translate(_WHOLE_LETTERS)
    return " ".join("".join(letter for letter in folded if not unicodedata.combining(letter)).split())


def name_starts(name: str) -> list[str]:
    """Return the normalised name begun at each of its words: a prefix of one finds the name.

    What stands before the word follows at the end, so that « Lacroix Fab » finds Fabien Lacroix. A word
    begins after a blank, a hyphen or an apostrophe; at most twenty-four words count.
    """
    folded = normalise(name)
    turned = [f"{folded[at:]} {folded[:at]}".strip() for at in _words(folded)]
    return list(dict.fromkeys(start[:START_LENGTH] for start in turned))


def name_ends(name: str) -> list[str]:
    """Return what follows from each of the name's words on, normalised: ``["fabien lacroix", "lacroix"]``."""
    folded = normalise(name)
    return [folded[at:] for at in _words(folded)]


def _words(folded: str) -> list[int]:
    """Where the words of a normalised name begin; its first letter or sign always does."""
    begins = [
        at for at in range(len(folded)) if folded[at].isalnum() and (at == 0 or not folded[at - 1].isalnum())
    ]
    return ([0] if folded and 0 not in begins else []) + begins[:MOST_WORDS]


@CharField.register_lookup
class Prefix(Lookup[str]):
    """``field__prefix="ben"``: one indexed range, whatever the database.

    LIKE on PostgreSQL (with a ``varchar_pattern_ops`` index), a range on SQLite, whose
    LIKE uses no index. ``%``, ``_`` and backslashes are ordinary letters.
    """

    lookup_name = "prefix"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        literal = str(self.rhs).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{column} LIKE %s", [*params, literal + "%"]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        return f"({column} >= %s AND {column} < %s)", (
            *params,
            self.rhs,
            *params,
            str(self.rhs) + "\U0010ffff",
        )


@BigAutoField.register_lookup
class Among(Lookup[int]):
    """``pk__among=queryset``: as ``pk__in``, but the ids are found first, whatever the planner expects.

    For some thousand ids at most. PostgreSQL cannot know how many names begin with « be », and
    may look for the first 25 of a rare one by going through all of a shop's orders.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        ids, id_params = self.process_rhs(compiler, connection)
        return f"{column} = ANY(ARRAY{ids})", [*params, *id_params]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        ids, id_params = self.process_rhs(compiler, connection)
        return f"{column} IN {ids}", (*params, *id_params)


class Customer(OwnedByShop):
    """A person or company that bought from one shop; a guest is known by the e-mail address alone."""

    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="customers", verbose_name=_("shop"))
    source = models.ForeignKey(
        Source, models.PROTECT, null=True, related_name="+", verbose_name=_("storefront")
    )
    external_id = models.CharField(_("storefront's customer id"), max_length=60, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail address"), max_length=254, blank=True)
    created_at = models.DateTimeField(_("first seen"), default=timezone.now)

    objects = ScopedQuerySet["Customer"].as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        indexes = [
            models.Index("vendor", F("created_at").desc(), F("id").desc(), name="customer_by_first_seen"),
            models.Index(fields=["email"], name="customer_by_email"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["vendor", "source", "external_id"],
                condition=~Q(external_id=""),
                name="customer_external_unique",
            ),
            models.UniqueConstraint(
                fields=["vendor", "email"], condition=Q(external_id=""), name="customer_guest_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_guest(self) -> bool:
        """Whether this customer bought without an account."""
        return not self.external_id
