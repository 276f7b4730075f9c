"""The demo from nothing: shops, their orders event by event, then the many; all of it or none."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import partial
from random import Random

from django.db import transaction
from django.utils import translation

from marketplace.checks import can_render
from orders import emails
from orders.demo.bulk import GROWTH, fill_up
from orders.demo.calendar import PARIS, Calendar
from orders.demo.crowd import Crowd
from orders.demo.planning import RUNNING_OUT, SOLD_OUT, Planner, number
from orders.demo.shops import PLANS, SOURCE, STAFF, Plan, Shop, open_shops
from orders.demo.stories import Act, Life
from orders.demo.words import BROKEN
from orders.domain.intake import take_order
from orders.domain.invoicing import issue_invoice
from orders.domain.refunds import RefundedLine, refund_order
from orders.domain.stock import count
from orders.exports.figures import settle_all
from orders.models import LineKind, Order, Source
from orders.states import OrderStatus, RefundState
from vendors.models import Product, User, Vendor
from vendors.roles import Role

RICH = 600  # orders that are lived through; those beyond are written in bulk
INVOICES = 15
ONE_INVOICE_IN = 7  # completed orders
SHELF = 45  # units on the shelf after a restock

Progress = Callable[[int], object]


class DemoImpossible(Exception):
    """Something of the demo's name is here and is not the demo's."""


@dataclass(frozen=True)
class Made:
    """What the demo consists of."""

    shops: int
    orders: int
    invoices: int
    is_new: bool


@transaction.atomic
def make_demo(
    orders: int,
    *,
    seed: int,
    now: datetime,
    rich: int = RICH,
    invoices: int = INVOICES,
    plans: Sequence[Plan] = PLANS,
    progress: Progress = lambda orders: None,
) -> Made:
    """Make the shops of ``plans`` with ``orders`` orders, or find that they are here already.

    The same ``seed`` on the same day makes the same data. Of the orders up to ``rich`` live
    through the domain's functions, in the first three shops. ``progress`` is told of every order
    made. Other shops are left alone. Raises DemoImpossible where a name that the demo needs is taken.
    """
    source, _made = Source.objects.get_or_create(slug=SOURCE, defaults={"name": SOURCE})
    Source.objects.select_for_update().get(pk=source.pk)  # of two demos at once, one waits
    if _is_here(plans):
        made = Order.objects.filter(vendor__slug__in=[plan.slug for plan in plans])
        return Made(len(plans), made.count(), made.filter(documents__kind="F").count(), is_new=False)
    _check_names(plans)
    calendar = Calendar.of(now)
    with translation.override("fr"):
        shops = open_shops(plans, source, at=calendar.opens_at)
        many = max(orders - rich, 0)
        lived = _live(shops[:3], calendar, Random(f"lives {seed}"), orders - many, many, progress)  # noqa: S311
        settle_all()  # while the tables are small
        fill_up(shops, many, calendar, Random(f"many {seed}"), progress)  # noqa: S311
        issued = _issue(lived, shops[0], calendar, invoices)
    settle_all()
    return Made(len(shops), orders, issued, is_new=True)


def _is_here(plans: Sequence[Plan]) -> bool:
    """Whether each of these shops has the demo's owner."""
    owners = {
        (plan.slug, email) for plan in plans for role, email, _name in plan.people if role == Role.OWNER
    }
    found = Vendor.objects.filter(memberships__role=Role.OWNER).values_list(
        "slug", "memberships__user__email"
    )
    return owners <= set(found)


def _check_names(plans: Sequence[Plan]) -> None:
    emails_needed = [STAFF[0], *(email for plan in plans for _role, email, _name in plan.people)]
    for taken in Vendor.objects.filter(slug__in=[plan.slug for plan in plans]):
        raise DemoImpossible(
            f"A shop “{taken.slug}” is here that the demo did not make: nothing was changed."
        )
    for person in User.objects.filter(email__in=emails_needed):
        raise DemoImpossible(f"{person.email} is here and is not the demo's: nothing was changed.")


# What happens, in the order it happens


@dataclass(frozen=True)
class Event:
    at: datetime
    happen: Callable[[], object]


def _live(
    shops: list[Shop], calendar: Calendar, rng: Random, orders: int, many: int, progress: Progress
) -> list[Order]:
    """Let ``orders`` orders happen, and the counts of stock between them; return them as they then are."""
    lives = Planner(rng, calendar, shops, Crowd(rng, orders * 2 // 5)).lives(orders)
    number(lives, rng, rank=lambda life: int(many * calendar.elapsed(life.placed_at) ** (1 / GROWTH)))
    lived: list[Order] = []
    for event in _events(lives, shops, calendar, lived, progress):
        event.happen()
    return lived


def _events(
    lives: list[Life], shops: list[Shop], calendar: Calendar, lived: list[Order], progress: Progress
) -> list[Event]:
    """Everything until the demo's end, sorted by time; at one time, in the order it was planned."""
    events = [event for life in lives for event in _events_of(life, lived, progress)]
    events += [event for shop in shops for event in _restocks(shop, calendar)]
    events += _last_counts(shops[0], calendar)
    return sorted((event for event in events if event.at <= calendar.closes_at), key=lambda event: event.at)


def _events_of(life: Life, lived: list[Order], progress: Progress) -> Iterator[Event]:
    orders: list[Order] = []  # the one, once it arrived

    def arrives() -> None:
        with nullcontext() if life.is_news else emails.silence():
            taken = take_order(
                life.data, source=life.shop.source, vendor=life.shop.vendor, at=life.arrives_at
            )
        orders.append(taken.order)
        lived.append(taken.order)
        progress(1)

    def goes_on(act: Act, at: datetime) -> None:
        with emails.silence():
            act(orders[0], at)

    yield Event(life.arrives_at, arrives)
    for moment, act in life.steps:
        yield Event(moment, partial(goes_on, act, moment))


def _restocks(shop: Shop, calendar: Calendar) -> Iterator[Event]:
    """On the first of each month somebody fills the shelf up and counts what is short."""
    for midnight in calendar.midnights:
        day = midnight.astimezone(PARIS).date()
        if day.day == 1:
            at = datetime.combine(day, time(8, 30), PARIS)
            yield Event(at, partial(_restock, shop, at))


def _restock(shop: Shop, at: datetime) -> None:
    for product in Product.objects.filter(vendor=shop.vendor, stock__lt=SHELF // 3).order_by("pk"):
        count(product, max(product.stock or 0, 0) + SHELF, by=shop.someone(Role.PREPARER), at=at)


def _last_counts(shop: Shop, calendar: Calendar) -> Iterator[Event]:
    """Last evening somebody looked: of one article little is left, of another nothing."""
    at = calendar.midnights[-1] - timedelta(hours=6)
    for which, units in ((RUNNING_OUT, 2), (SOLD_OUT, 0)):
        product = shop.products[shop.plan.articles[which].external_id]
        yield Event(at, partial(count, product, units, by=shop.someone(Role.PREPARER), at=at))


# Invoices


def _issue(lived: list[Order], shop: Shop, calendar: Calendar, most: int) -> int:
    """Issue invoices for some of the lately completed orders of ``shop``, in the order of their moments.

    An order that was refunded is invoiced after that: its credit note comes with the invoice.
    """
    if not can_render():
        return 0
    completed = Order.objects.filter(
        pk__in=[order.pk for order in lived],
        vendor=shop.vendor,
        status=OrderStatus.COMPLETED,
        total__gt=0,
        currency="EUR",  # no rate is made up: it would serve real shops beside the demo
    )
    chosen = completed.order_by("-completed_at", "-pk")[: most * ONE_INVOICE_IN : ONE_INVOICE_IN]
    moments = [(_ready_at(order), order.pk, order) for order in chosen]
    for ready_at, _pk, order in sorted(moments, key=lambda moment: moment[:2]):
        at = min(ready_at + timedelta(minutes=10), calendar.closes_at)
        with emails.silence():
            issue_invoice(order, by=shop.someone(Role.ACCOUNTANT), at=at)
    _credit_one(list(chosen), shop, calendar)
    return len(chosen)


def _ready_at(order: Order) -> datetime:
    return max(moment for moment in (order.placed_at, order.completed_at, order.refunded_at) if moment)


def _credit_one(invoiced: list[Order], shop: Shop, calendar: Calendar) -> None:
    """Refund one unit of the last invoiced order: what a credit note looks like."""
    for order in invoiced:
        line = order.lines.filter(kind=LineKind.PRODUCT, total__gt=0).first()
        if line is None or order.refund_state != RefundState.NONE:
            continue
        price = (line.total / line.quantity).quantize(Decimal("0.01"), ROUND_DOWN)
        with emails.silence():
            refund_order(
                order,
                lines={line.pk: RefundedLine(1, price)},
                by=shop.someone(Role.OWNER),
                at=calendar.closes_at,
                reason=BROKEN,
            )
        return
