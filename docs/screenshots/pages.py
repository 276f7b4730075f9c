"""Every page and state of the demo, for the pictures: who looks, where, and what is done there first."""

from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Page

SHOP = "/vendors/atelier-verveine"
ORDERS = f"{SHOP}/orders/"
OWNER, PREPARER, STAFF, VISITOR = "owner@demo.example", "preparer@demo.example", "admin@demo.example", ""
Act = Callable[[Page], object]


class Picture(NamedTuple):
    """A page to draw; ``act`` is done before."""

    name: str
    path: str
    who: str = OWNER
    act: Act | None = None


def clicks(selector: str) -> Act:
    return lambda page: page.locator(selector).first.click()


def opens(menu: str) -> Act:
    """Open a menu of the list, which on a phone stands among what is folded."""

    def act(page: Page) -> None:
        if page.locator("#list-fold > summary").is_visible():
            page.locator("#list-fold > summary").click()
        page.locator(f"{menu} > summary").click()

    return act


def validates_all(page: Page) -> None:
    """Take the whole page of the list and ask for it to be validated, which is asked about first."""
    page.locator(".list [type=checkbox]:visible").first.check()
    page.locator(".bulk button[value=validate]").click()


def sends(**fields: str) -> Act:
    """Fill in the form that has these fields and send it, without the browser's own checks."""

    def act(page: Page) -> None:
        form = page.locator(f"main form:has([name={next(iter(fields))}])").last
        form.evaluate("form => form.noValidate = true")
        for name, value in fields.items():
            form.locator(f"[name={name}]").fill(value)
        form.locator("button[type=submit]").last.click()
        page.wait_for_load_state("networkidle")

    return act


def pictures(find: Callable[[str], str]) -> list[Picture]:
    """The pages to draw; ``find(query)`` is the number of the first order of the list under ``query``."""
    number = {
        status: find(f"status={status}")
        for status in ("pending", "on-hold", "completed", "cancelled", "refunded", "failed")
    }
    waiting = find("status=processing&stage=to_prepare")
    shipped = find("status=processing&stage=shipped")
    return [
        Picture("door-sign-in", "/accounts/login/", VISITOR),
        Picture("door-sign-in-wrong", "/accounts/login/", VISITOR, sends(login="a@b.fr", password="x")),
        Picture("door-forgotten", "/accounts/password/reset/", VISITOR),
        Picture("door-forgotten-sent", "/accounts/password/reset/done/", VISITOR),
        Picture("door-invitation-gone", "/invitations/x/", VISITOR),
        Picture("door-statement", "/accessibility/", VISITOR),
        Picture("error-404", "/nothing-here/", VISITOR),
        Picture("error-403", f"{SHOP}/settings/", PREPARER),
        Picture("error-409", f"{ORDERS}{number['failed']}/invoice.pdf"),
        Picture("orders", ORDERS),
        Picture("orders-filtered", f"{ORDERS}?status=processing&customer=b"),
        Picture("orders-taken", ORDERS, act=lambda page: page.locator("tbody [name=order]").first.check()),
        Picture("orders-bulk-sure", ORDERS, act=validates_all),
        Picture("orders-bulk", ORDERS, act=clicks("button[value=notes]")),
        Picture("orders-wrong", f"{ORDERS}?placed_after=31/02/2026"),
        Picture("orders-empty", f"{ORDERS}?status=failed&customer=zzzz"),
        Picture("orders-preparer", ORDERS, PREPARER),
        Picture("orders-display", ORDERS, act=opens("#list-display")),
        Picture("orders-days", ORDERS, act=opens("#list-dates .menu")),
        Picture("orders-exports", ORDERS, act=opens(".export .menu")),
        Picture("orders-keep", f"{ORDERS}?late=1", act=clicks("#list-views > summary")),
        Picture("orders-views", f"{SHOP}/my-list/views/"),
        Picture("order-waiting", f"{ORDERS}{waiting}/"),
        Picture("order-steps", f"{ORDERS}{waiting}/", act=clicks(".head .menu > summary")),
        *(Picture(f"order-{status}", f"{ORDERS}{each}/") for status, each in number.items()),
        Picture("order-preparer", f"{ORDERS}{waiting}/", PREPARER),
        Picture("step-ship", f"{ORDERS}{waiting}/ship/"),
        Picture("step-ship-wrong", f"{ORDERS}{waiting}/ship/", act=sends(shipped_on="2020-01-01")),
        Picture("step-parcel", f"{ORDERS}{shipped}/parcels/1/"),
        Picture("step-refund", f"{ORDERS}{waiting}/refund/"),
        Picture("step-refund-wrong", f"{ORDERS}{waiting}/refund/", act=sends(amount="99999")),
        Picture("step-stop", f"{ORDERS}{waiting}/cancel-and-refund/"),
        Picture("step-cancel", f"{ORDERS}{number['pending']}/steps/cancel/"),
        Picture("step-reopen", f"{ORDERS}{number['completed']}/steps/reopen/", act=sends(reason="")),
        Picture("step-refused", f"{ORDERS}{number['failed']}/steps/reopen/"),
        Picture("step-invoice", f"{ORDERS}{waiting}/invoice/"),
        Picture("step-business", f"{ORDERS}{waiting}/buyer/"),
        Picture("set-aside", f"{ORDERS}set-aside/"),
        Picture("overview", f"{SHOP}/overview/"),
        Picture("customers", f"{SHOP}/customers/"),
        Picture("customers-none", f"{SHOP}/customers/?q=zzzz"),
        Picture("customer", f"{SHOP}/customers/", act=clicks("main table a, main .list a")),
        Picture("products", f"{SHOP}/products/"),
        Picture("product", f"{SHOP}/products/", act=clicks("main table a, main .list a")),
        Picture("documents", f"{SHOP}/documents/"),
        Picture("documents-credit-notes", f"{SHOP}/documents/?kind=A"),
        Picture("shop-settings", f"{SHOP}/settings/"),
        Picture("shop-settings-wrong", f"{SHOP}/settings/", act=sends(low_stock_at="")),
        Picture("shop-identity", f"{SHOP}/identity/"),
        Picture("shop-identity-wrong", f"{SHOP}/identity/", act=sends(siret="123")),
        Picture("shop-team", f"{SHOP}/team/"),
        Picture("shop-leave", f"{SHOP}/team/leave/"),
        Picture("my-mails", f"{SHOP}/my-mails/"),
        Picture("account", "/accounts/"),
        Picture("account-second-factor", "/accounts/2fa/"),
        Picture("account-address", "/accounts/email/"),
        Picture("account-password", "/accounts/password/change/"),
        Picture("account-sessions", "/accounts/sessions/"),
        Picture("account-sign-out", "/accounts/logout/"),
        Picture("account-authenticator", "/accounts/2fa/totp/activate/"),
        Picture("account-keys", "/accounts/2fa/webauthn/"),
        Picture("account-sign-in-again", "/accounts/reauthenticate/"),
        Picture("admin", "/admin/", STAFF),
        Picture("admin-shops", "/admin/vendors/vendor/", STAFF),
        Picture("admin-orders", "/admin/orders/order/", STAFF),
    ]
