"""How orders live: what the storefront reports, and what people then do, step by step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from marketplace.money import round_half_up
from orders.demo import words
from orders.demo.baskets import Basket
from orders.demo.calendar import at_work
from orders.demo.crowd import Buyer
from orders.demo.shops import Shop
from orders.domain.fulfillment import hand_over, ready_for_pickup, ship
from orders.domain.intake import take_order
from orders.domain.notes import add_note
from orders.domain.order_data import OrderData
from orders.domain.parcels import units_left
from orders.domain.refunds import RefundedLine, cancel_and_refund, refund_order
from orders.domain.transitions import change_status
from orders.models import Carrier, LineKind, Order
from orders.states import OrderStatus
from vendors.models import User
from vendors.roles import Role

S = OrderStatus
Act = Callable[[Order, datetime], object]

CARD = ("stripe", "Carte bancaire")
PAYPAL = ("ppcp-gateway", "PayPal")
TRANSFER = ("bacs", "Virement")
CHEQUE = ("cheque", "Chèque")

TRACKING = {
    Carrier.COLISSIMO: "6A{:011}",
    Carrier.CHRONOPOST: "XB{:09}FR",
    Carrier.MONDIAL_RELAY: "{:08}",
}


@dataclass
class Life:
    """One order to come: how it will be reported, and what is going to happen to it."""

    shop: Shop
    basket: Basket
    data: OrderData
    steps: list[tuple[datetime, Act]] = field(default_factory=list)
    is_news: bool = False  # its mails are sent

    @property
    def placed_at(self) -> datetime:
        return self.data.placed_at

    @property
    def arrives_at(self) -> datetime:
        return self.placed_at + timedelta(seconds=3)

    def then(self, at: datetime, act: Act) -> datetime:
        self.steps.append((at, act))
        return at

    def reported(self, **changes: object) -> None:
        """Change what the storefront says of the new order."""
        self.data = replace(self.data, **changes)  # type: ignore[arg-type]


def begin(shop: Shop, basket: Basket, who: Buyer, placed_at: datetime, *, currency: str = "EUR") -> Life:
    """An order as somebody places it; paid or not is the story's to say."""
    lines = basket.lines()
    return Life(
        shop,
        basket,
        OrderData(
            external_id="",
            number="",
            status=S.PENDING,
            currency=currency,
            placed_at=placed_at,
            total=sum((line.net + line.tax for line in lines), Decimal("0.00")),
            total_tax=sum((line.tax for line in lines), Decimal("0.00")),
            vendor_external_id=shop.plan.storefront_id,
            vendor_name=shop.plan.name,
            customer_external_id=who.account,
            email=who.email,
            phone=who.phone,
            billing=who.address,
            shipping=who.address,
            shipping_method=basket.delivery.title if basket.delivery else "",
            lines=lines,
        ),
    )


def live(life: Life) -> Order:
    """Let all of it happen at once, one step after the other; the caller silences the mails."""
    source, vendor = life.shop.source, life.shop.vendor
    order = take_order(life.data, source=source, vendor=vendor, at=life.arrives_at).order
    for at, act in life.steps:
        act(order, at)
    return order


# What people and the storefront do


def reports(to: OrderStatus) -> Act:
    return lambda order, at: change_status(order, to, by=order.source, at=at)


def decides(to: OrderStatus, by: User | None, note: str = "") -> Act:
    return lambda order, at: change_status(order, to, by=by, at=at, note=note)


def sends(by: User, carrier: str, tracking: str, *, first_half: bool = False) -> Act:
    def act(order: Order, at: datetime) -> None:
        left = units_left(order)
        units = dict(list(left.items())[: max(len(left) // 2, 1)]) if first_half else left
        if first_half and len(left) == 1:
            units = {pk: max(count // 2, 1) for pk, count in left.items()}
        ship(order, units=units, carrier=carrier, tracking_number=tracking, by=by, at=at)

    return act


def writes(by: User, text: str, *, for_customer: bool = False) -> Act:
    return lambda order, at: add_note(order, text, for_customer=for_customer, by=by, at=at)


def refunds_unit(by: User, reason: str, *, comes_back: bool) -> Act:
    """One unit of the first line."""

    def act(order: Order, at: datetime) -> None:
        line = next(line for line in order.lines.all() if line.kind == LineKind.PRODUCT and line.total > 0)
        amount = round_half_up(line.total / line.quantity)
        part = {line.pk: RefundedLine(1, amount, int(comes_back))}
        refund_order(order, lines=part, by=by, at=at, reason=reason)

    return act


def refunds_amount(by: User, reason: str, share: Decimal) -> Act:
    """A part of the total, of no line in particular."""
    return lambda order, at: refund_order(
        order, amount=round_half_up(order.total * share), by=by, at=at, reason=reason
    )


def refunds_rest(by: User | None, reason: str, *, comes_back: bool) -> Act:
    """All that is left; ``by`` None is the storefront's report, without lines."""

    def act(order: Order, at: datetime) -> None:
        lines: Mapping[int, RefundedLine] = {
            line.pk: RefundedLine(
                line.quantity - line.units_refunded, line.refundable, line.quantity if comes_back else 0
            )
            for line in order.lines.all()
            if line.kind == LineKind.PRODUCT
        }
        if by is None:
            number = f"{order.external_id}9"
            refund_order(
                order, amount=order.refundable, by=order.source, at=at, reason=reason, external_id=number
            )
        else:
            refund_order(order, lines=lines, amount=order.refundable, by=by, at=at, reason=reason)

    return act


def stops(by: User, reason: str) -> Act:
    return lambda order, at: cancel_and_refund(order, by=by, at=at, reason=reason)


# What happens, one after the other


class Teller:
    """Tells how orders live; each method adds steps and returns when the last one is."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def after(self, at: datetime, least: timedelta, most: timedelta) -> datetime:
        return at + timedelta(seconds=int(self.rng.uniform(least.total_seconds(), most.total_seconds())))

    def paid(self, life: Life) -> datetime:
        """By card or PayPal: at once, or reported a few minutes later."""
        code, title = self.rng.choices((CARD, PAYPAL), weights=(8, 2))[0]
        life.reported(payment_method=code, payment_title=title)
        at = self.after(life.placed_at, timedelta(seconds=30), timedelta(minutes=4))
        if self.rng.random() < 0.8:
            life.reported(status=S.PROCESSING, paid_at=life.placed_at)
            return at
        return life.then(at, reports(S.PROCESSING))

    def promised(self, life: Life) -> None:
        """By transfer or cheque, which are yet to come."""
        code, title = self.rng.choices((TRANSFER, CHEQUE), weights=(7, 3))[0]
        life.reported(status=S.ON_HOLD, payment_method=code, payment_title=title)

    def confirmed(self, life: Life) -> datetime:
        """A promised payment arrives; the shop says so where it may, else the storefront does."""
        self.promised(life)
        at = at_work(life.placed_at, self.rng, days=self.rng.randint(1, 4))
        if life.shop.vendor.confirms_payments:
            return life.then(at, decides(S.PROCESSING, life.shop.someone(Role.MANAGER)))
        return life.then(at, reports(S.PROCESSING))

    def packed(self, life: Life, at: datetime) -> datetime:
        """Sent, or ready in the shop, within a working day; now and then with a note before."""
        by = life.shop.someone(Role.PREPARER)
        ready = at_work(at, self.rng)
        if self.rng.random() < 0.08:
            text = self.rng.choice(words.PRIVATE_NOTES)
            life.then(self.after(at, timedelta(0), ready - at), writes(by, text))
        if life.basket.delivery is not None and not life.basket.delivery.carrier:
            return life.then(ready, lambda order, at: ready_for_pickup(order, by=by, at=at))
        return life.then(ready, sends(by, *self.parcel(life)))

    def parcel(self, life: Life) -> tuple[str, str]:
        """The carrier and a tracking number of its kind."""
        carrier = life.basket.delivery.carrier if life.basket.delivery else ""
        number = self.rng.randrange(10**8)
        return carrier, TRACKING[Carrier(carrier)].format(number) if carrier else ""

    def received(self, life: Life, at: datetime) -> datetime:
        """Handed over in the shop, or delivered: validated by somebody, or reported."""
        by = life.shop.someone(*self.rng.choice(((Role.PREPARER,), (Role.MANAGER,), (Role.OWNER,))))
        if life.basket.delivery is not None and not life.basket.delivery.carrier:
            fetched = at_work(at, self.rng, days=self.rng.randint(1, 3))
            return life.then(fetched, lambda order, at: hand_over(order, by=by, at=at))
        arrived = at_work(at, self.rng, days=self.rng.randint(2, 4))
        return life.then(
            arrived, reports(S.COMPLETED) if self.rng.random() < 0.3 else decides(S.COMPLETED, by)
        )

    # Whole stories

    def delivered(self, life: Life) -> datetime:
        return self.received(life, self.packed(life, self.paid(life)))

    def delivered_after_transfer(self, life: Life) -> datetime:
        return self.received(life, self.packed(life, self.confirmed(life)))

    def delivered_at_second_try(self, life: Life) -> datetime:
        """The card is refused, then works."""
        life.reported(payment_method=CARD[0], payment_title=CARD[1])
        failed = life.then(life.placed_at + timedelta(minutes=2), reports(S.FAILED))
        paid = life.then(self.after(failed, timedelta(minutes=4), timedelta(hours=3)), reports(S.PROCESSING))
        return self.received(life, self.packed(life, paid))

    def in_two_parcels(self, life: Life) -> datetime:
        return self.received(life, self.second_parcel(life, self.first_parcel(life)))

    def first_parcel(self, life: Life) -> datetime:
        by = life.shop.someone(Role.PREPARER)
        return life.then(at_work(self.paid(life), self.rng), sends(by, *self.parcel(life), first_half=True))

    def second_parcel(self, life: Life, at: datetime) -> datetime:
        by = life.shop.someone(Role.PREPARER)
        return life.then(at_work(at, self.rng, days=self.rng.randint(1, 3)), sends(by, *self.parcel(life)))

    def abandoned(self, life: Life) -> datetime:
        """Never paid: the storefront cancels it an hour later."""
        life.reported(payment_method=CARD[0], payment_title=CARD[1])
        return life.then(life.placed_at + timedelta(hours=1), reports(S.CANCELLED))

    def unpaid(self, life: Life) -> datetime:
        """The cheque never came: the shop cancels."""
        self.promised(life)
        by = life.shop.someone(Role.MANAGER)
        at = at_work(life.placed_at, self.rng, days=self.rng.randint(8, 12))
        return life.then(at, decides(S.CANCELLED, by, self.rng.choice(words.UNPAID)))

    def expired(self, life: Life) -> datetime:
        """Awaiting a transfer for a week: Comptoir cancels by itself."""
        life.reported(payment_method=TRANSFER[0], payment_title=TRANSFER[1])
        at = life.placed_at + timedelta(days=7, minutes=self.rng.randrange(60))
        return life.then(at, decides(S.CANCELLED, None, words.EXPIRED))

    def refused(self, life: Life) -> datetime:
        """The card is refused for good."""
        life.reported(payment_method=CARD[0], payment_title=CARD[1])
        return life.then(life.placed_at + timedelta(minutes=self.rng.randint(1, 3)), reports(S.FAILED))

    def stopped(self, life: Life) -> datetime:
        """Paid, then cancelled and refunded before it was sent."""
        by = life.shop.someone(Role.MANAGER)
        at = at_work(self.paid(life), self.rng)
        return life.then(at, stops(by, self.rng.choice(words.STOPPED)))

    def damaged(self, life: Life) -> datetime:
        """Delivered; a unit is refunded that does not come back."""
        by = life.shop.someone(Role.MANAGER)
        at = at_work(self.delivered(life), self.rng, days=self.rng.randint(1, 3))
        return life.then(at, refunds_unit(by, self.rng.choice(words.DAMAGED), comes_back=False))

    def returned_in_part(self, life: Life) -> datetime:
        """Delivered; a unit comes back and is refunded."""
        by = life.shop.someone(Role.MANAGER)
        at = at_work(self.delivered(life), self.rng, days=self.rng.randint(5, 9))
        return life.then(at, refunds_unit(by, self.rng.choice(words.RETURNED), comes_back=True))

    def consoled(self, life: Life) -> datetime:
        """Delivered; a part of the price is given back, of no line in particular."""
        by = life.shop.someone(Role.OWNER)
        at = at_work(self.delivered(life), self.rng, days=self.rng.randint(1, 4))
        share = Decimal(self.rng.choice(("0.05", "0.10", "0.20")))
        return life.then(at, refunds_amount(by, self.rng.choice(words.GESTURES), share))

    def returned(self, life: Life) -> datetime:
        """Delivered; everything comes back, and is refunded."""
        by = life.shop.someone(Role.MANAGER)
        at = at_work(self.delivered(life), self.rng, days=self.rng.randint(5, 10))
        return life.then(at, refunds_rest(by, self.rng.choice(words.RETURNED), comes_back=True))

    def returned_in_two(self, life: Life) -> datetime:
        """A unit first, the rest some days later, made at the storefront without lines."""
        at = at_work(self.damaged(life), self.rng, days=self.rng.randint(2, 6))
        return life.then(at, refunds_rest(None, "", comes_back=False))

    def reopened(self, life: Life) -> datetime:
        """Validated too early: reopened with the reason, sent again, validated."""
        by = life.shop.someone(Role.MANAGER)
        done = self.delivered(life)
        again = life.then(at_work(done, self.rng, days=2), decides(S.PROCESSING, by, words.REOPENED))
        return life.then(at_work(again, self.rng, days=3), decides(S.COMPLETED, by))


# How often an ordinary order has which story.
STORIES: Mapping[str, int] = {
    "delivered": 640,
    "delivered_after_transfer": 95,
    "delivered_at_second_try": 20,
    "in_two_parcels": 30,
    "abandoned": 45,
    "unpaid": 15,
    "expired": 12,
    "refused": 35,
    "stopped": 20,
    "damaged": 30,
    "returned_in_part": 25,
    "consoled": 20,
    "returned": 20,
    "returned_in_two": 8,
    "reopened": 7,
}
