"""Every page of the product and the states that it can be in, for the tests that look at all of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

SHOP = "/vendors/rucher-des-baux/"


class State(NamedTuple):
    """A page as a person finds it; ``act`` is what the person does there before it is looked at."""

    name: str
    path: str
    who: str = "owner"
    act: Callable[[Any], object] | None = None


def shop(name: str, path: str, who: str = "owner", act: Callable[[Any], object] | None = None) -> State:
    return State(name, SHOP + path, who, act)


def sends(**fields: str) -> Callable[[Any], object]:
    """Fill in the page's form without what the browser itself would refuse, and send it."""

    def act(page: Any) -> None:
        field = f"[name={next(iter(fields))}]" if fields else ".btn--main"
        form = page.locator(f"main form:has({field})").last
        form.evaluate("form => form.noValidate = true")
        for name, value in fields.items():
            form.locator(f"[name={name}]").fill(value)
        form.locator("button[type=submit]").last.click()
        page.wait_for_load_state("networkidle")

    return act


def opens(selector: str) -> Callable[[Any], object]:
    return lambda page: page.locator(selector).first.click()


def takes_one(page: Any) -> None:
    """The bar covers rows only as long as they can be scrolled from under it."""
    page.locator("tbody [name=order]").first.check()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")


def asks_to_invoice(page: Any) -> None:
    """An invoice is asked about however few they are."""
    takes_one(page)
    page.locator(".bulk [value=invoice]").click()
    page.wait_for_load_state("networkidle")


def asks_for_keys(page: Any) -> None:
    page.keyboard.press("?")


def unfolds(page: Any) -> None:
    """On a phone the filters are folded; elsewhere there is nothing to open."""
    if page.locator(".fold > summary").is_visible():
        page.locator(".fold > summary").click()


def opens_display(page: Any) -> None:
    unfolds(page)
    page.locator("#list-display > summary").click()


def opens_days(page: Any) -> None:
    unfolds(page)
    page.locator("#list-dates summary").click()


STATUSES = {
    "completed": "1050",
    "to prepare": "1042",
    "on hold": "1052",
    "pending": "1053",
    "cancelled": "1054",
    "refunded": "1055",
    "failed": "1056",
}

STATES: dict[str, list[State]] = {
    "list": [
        shop("orders", "orders/"),
        shop("orders, filters open", "orders/", act=unfolds),
        shop("orders, one taken", "orders/", act=takes_one),
        shop("orders, keys", "orders/", act=asks_for_keys),
        shop("orders, account menu", "orders/", act=opens(".account > summary")),
        shop("orders, filtered", "orders/?status=processing&customer=b"),
        shop("orders, none found", "orders/?customer=nobody"),
        shop("orders, wrong filter", "orders/?placed_after=31/02/2026"),
        shop("orders, lost page", "orders/?cursor=x"),
        shop("orders of a preparer", "orders/", "preparer"),
        shop("orders of an accountant", "orders/", "accountant"),
        shop("keys", "my-list/keys/"),
        shop("saved views", "my-list/views/"),
        shop("orders, display menu", "orders/", act=opens_display),
        shop("orders, views menu", "orders/?late=1", act=opens("#list-views > summary")),
        shop("orders, own days", "orders/", act=opens_days),
        shop("orders, one order's other steps", "orders/1042/", act=opens(".head .menu > summary")),
        shop("set aside", "orders/set-aside/"),
        shop("bulk action", "orders/bulk/1/"),
        shop("bulk action, asked about", "orders/", act=asks_to_invoice),
        shop("download under way", "orders/bulk/2/"),
        shop("download that is over", "orders/bulk/3/"),
    ],
    "order": [
        *(shop(f"order {name}", f"orders/{number}/") for name, number in STATUSES.items()),
        shop("order refunded in part", "orders/1043/"),
        shop("order, part of its history", "orders/1042/?history=mails"),
        shop("order with a parcel", "orders/1060/"),
        shop("order ready for pickup", "orders/1061/"),
        shop("order, part of its history", "orders/1060/?history=notes"),
        shop("order, other steps", "orders/1042/", act=opens(".head .menu > summary")),
        shop("order, a note begun", "orders/1042/", act=opens(".note-form summary")),
        shop("order of a preparer", "orders/1042/", "preparer"),
    ],
    "steps": [
        shop("ship", "orders/1042/ship/"),
        shop("ship, wrong", "orders/1042/ship/", act=sends(shipped_on="2020-01-01")),
        shop("tracking", "orders/1060/parcels/1/"),
        shop("tracking, none", "orders/1060/parcels/1/", act=sends(tracking_number="")),
        shop("ship, nothing left", "orders/1050/ship/"),
        shop("refund", "orders/1042/refund/"),
        shop("refund, nothing given", "orders/1042/refund/", act=sends()),
        shop("refund refused", "orders/1044/refund/"),
        shop("cancel and refund", "orders/1042/cancel-and-refund/"),
        shop("cancel", "orders/1053/steps/cancel/"),
        shop("reopen, no reason", "orders/1050/steps/reopen/", act=sends()),
        shop("step refused", "orders/1044/steps/reopen/"),
        shop("issue an invoice", "orders/1042/invoice/"),
        shop("for a business", "orders/1042/buyer/"),
        shop("no document", "orders/1044/invoice.pdf"),
    ],
    "office": [
        shop("overview", "overview/"),
        shop("overview by month", "overview/?by=month"),
        shop("overview of no chart", "overview/?by=year"),
        shop("overview of a preparer", "overview/", "preparer"),
        shop("customers", "customers/"),
        shop("customers, none found", "customers/?q=nobody"),
        shop("customer", "customers/1/"),
        shop("products", "products/"),
        shop("products, wrong shelf", "products/?shelf=foo"),
        shop("product", "products/1/"),
        shop("product, count wrong", "products/1/", act=sends(units="")),
        shop("documents", "documents/"),
        shop("documents, none of the year", "documents/?kind=A&before=1"),
    ],
    "shop": [
        shop("settings", "settings/"),
        shop("settings, wrong", "settings/", act=sends(low_stock_at="")),
        shop("legal identity", "identity/"),
        shop("legal identity, wrong", "identity/", act=sends(siret="123")),
        shop("legal identity of an accountant", "identity/", "accountant"),
        shop("team", "team/"),
        shop("remove a member", "team/members/900001/remove/"),
        shop("leave the team", "team/leave/"),
        shop("my e-mails", "my-mails/"),
        State("which shop", "/", "accountant"),
        State("my account", "/accounts/"),
        State("my account, no name", "/accounts/", act=sends(name=" ")),
        State("my second factor", "/accounts/2fa/"),
        State("my address", "/accounts/email/"),
        State("my sessions", "/accounts/sessions/"),
        State("sign in again", "/accounts/reauthenticate/"),
    ],
    "doors": [
        State("sign in", "/accounts/login/", "visitor"),
        State("sign in, wrong", "/accounts/login/", "visitor", sends(login="a@b.example", password="x")),
        State("forgotten password", "/accounts/password/reset/", "visitor"),
        State("forgotten password, sent", "/accounts/password/reset/done/", "visitor"),
        State("invitation that is gone", "/invitations/x/", "visitor"),
        State("sign out", "/accounts/logout/"),
        State("accessibility", "/accessibility/", "visitor"),
        State("not found", "/nothing-here/", "visitor"),
        shop("not allowed", "settings/", "preparer"),
    ],
}
