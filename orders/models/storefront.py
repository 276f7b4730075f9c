"""What goes back to a storefront, and what came of asking it."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Trouble(models.TextChoices):
    """Why a storefront did not do what it was asked; a sentence with its name and what it said."""

    UNREACHABLE = "unreachable", _("%(storefront)s cannot be reached: %(said)s.")
    SILENT = "silent", _("%(storefront)s did not answer in time.")
    BROKEN = "broken", _("%(storefront)s answered with an error of its own: %(said)s.")
    UNREADABLE = "unreadable", _("The answer of %(storefront)s cannot be read: %(said)s.")
    TOO_MANY = "too_many", _("%(storefront)s asks to wait: too many requests.")
    KEYS = "keys", _("%(storefront)s does not accept the REST keys: %(said)s.")
    NO_API = "no_api", _("There is no WooCommerce REST API at the address of %(storefront)s: %(said)s.")
    ADDRESS = "address", _("The REST address of %(storefront)s may not be asked: %(said)s.")
    GONE = "gone", _("%(storefront)s does not have this order any more: %(said)s.")
    REFUSED = "refused", _("%(storefront)s refused: %(said)s.")
