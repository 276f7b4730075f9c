"""Who may do what in a shop. Pure data; the table is told in ``docs/rules/order-states.md``."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person is in a shop."""

    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    PREPARER = "preparer", _("Preparer")
    ACCOUNTANT = "accountant", _("Accountant")


class Permission(StrEnum):
    """One thing that a role may do."""

    VIEW_ORDERS = "view_orders"
    VIEW_AMOUNTS = "view_amounts"
    FULFILL = "fulfill"  # ship, ready for pickup, validate, note
    DELIVERY_NOTES = "delivery_notes"
    MANAGE_ORDERS = "manage_orders"  # cancel, reopen, confirm payment, refund
    ISSUE_INVOICES = "issue_invoices"
    VIEW_INVOICES = "view_invoices"
    EXPORT = "export"
    VIEW_PRODUCTS = "view_products"
    COUNT_STOCK = "count_stock"
    EDIT_PRODUCTS = "edit_products"
    VIEW_IDENTITY = "view_identity"
    MANAGE_SHOP = "manage_shop"  # team, legal identity, settings


P = Permission
PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.MANAGER: frozenset(Permission) - {P.MANAGE_SHOP, P.VIEW_IDENTITY},
    Role.PREPARER: frozenset({P.VIEW_ORDERS, P.FULFILL, P.DELIVERY_NOTES, P.VIEW_PRODUCTS, P.COUNT_STOCK}),
    Role.ACCOUNTANT: frozenset(
        {
            P.VIEW_ORDERS,
            P.VIEW_AMOUNTS,
            P.ISSUE_INVOICES,
            P.VIEW_INVOICES,
            P.EXPORT,
            P.VIEW_PRODUCTS,
            P.VIEW_IDENTITY,
        }
    ),
}

# The table as people read it: what a role may do, in words.
IN_WORDS = {
    P.VIEW_ORDERS: _("See orders, customers’ delivery data and history"),
    P.VIEW_AMOUNTS: _("See amounts and gains"),
    P.FULFILL: _("Ship, mark as ready for pickup, validate, write notes"),
    P.DELIVERY_NOTES: _("Print delivery notes"),
    P.MANAGE_ORDERS: _("Cancel, reopen, refund, confirm payments"),
    P.ISSUE_INVOICES: _("Issue invoices"),
    P.VIEW_INVOICES: _("Download invoices and credit notes"),
    P.EXPORT: _("Export orders"),
    P.VIEW_PRODUCTS: _("See products and stock"),
    P.COUNT_STOCK: _("Count stock"),
    P.EDIT_PRODUCTS: _("Change products"),
    P.VIEW_IDENTITY: _("See the legal identity"),
    P.MANAGE_SHOP: _("Change team, legal identity and settings"),
}


def table() -> list[tuple[str, list[tuple[str, bool]]]]:
    """Return one row per permission: its words, and for each role its name and whether it has it."""
    return [
        (str(IN_WORDS[p]), [(str(label), allows(role, p)) for role, label in Role.choices])
        for p in Permission
    ]


def allows(role: str, permission: Permission) -> bool:
    """Say whether ``role`` may do ``permission``."""
    return permission in PERMISSIONS.get(role, frozenset())
