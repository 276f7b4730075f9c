"""Which orders there will be: some for what they show, the others as they come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from itertools import cycle, islice
from random import Random

from orders.demo import words
from orders.demo.baskets import Basket, Choice, plug_in, some_basket
from orders.demo.calendar import DAYS, SATURDAY, Calendar
from orders.demo.catalogue import FIVE_FIVE, TWENTY, Article
from orders.demo.crowd import Buyer, Crowd
from orders.demo.shops import CHRONOPOST, COLISSIMO, PICKUP, RELAY, Delivery, Shop
from orders.demo.stories import CARD, STORIES, Life, Teller, begin, decides, writes
from orders.domain.order_data import AddressData
from orders.states import OrderStatus
from vendors.roles import Role

S = OrderStatus
FIRST_NUMBER = 10_000
RUNNING_OUT, SOLD_OUT = 20, 5  # which articles of the first shop


@dataclass
class Planner:
    """Invents orders; the same generator and calendar invent the same."""

    rng: Random
    calendar: Calendar
    shops: Sequence[Shop]
    crowd: Crowd
    teller: Teller = field(init=False)

    def __post_init__(self) -> None:
        self.teller = Teller(self.rng)

    def lives(self, count: int) -> list[Life]:
        """Plan ``count`` orders, by the moment they are placed."""
        lives = list(islice(set_pieces(self), count))
        shares = {shop.plan.slug: round(count * shop.plan.share) for shop in self.shops}
        for life in lives:
            shares[life.shop.plan.slug] -= 1
        while len(lives) < count:
            shop = max(self.shops, key=lambda shop: shares[shop.plan.slug])
            shares[shop.plan.slug] -= 1
            lives.append(self.ordinary(shop))
        return sorted(lives, key=lambda life: life.placed_at)

    def ordinary(self, shop: Shop) -> Life:
        """An order as they come: more of them lately, since the shops do well."""
        rng = self.rng
        life = self.life(shop, DAYS * rng.random() ** 2, basket=some_basket(rng, shop))
        if rng.random() < 0.12:
            life.reported(customer_note=rng.choice(words.CUSTOMER_NOTES))
        story = rng.choices(list(STORIES), weights=list(STORIES.values()))[0]
        has_parcels, has_several = not is_pickup(life.basket), len(life.basket.choices) > 1
        has_several |= any(choice.units > 1 for choice in life.basket.choices)
        if story in ("in_two_parcels", "reopened") and not (has_parcels and has_several):
            story = "delivered"
        if story == "returned_in_two" and not has_several:
            story = "returned"
        self.tell(life, story)
        return life

    def life(
        self,
        shop: Shop,
        days_ago: float,
        *,
        who: Buyer | None = None,
        basket: Basket | None = None,
        currency: str = "EUR",
    ) -> Life:
        """An order of somebody, placed about ``days_ago``."""
        placed_at = self.calendar.ago(days_ago) + timedelta(seconds=self.rng.randrange(60))
        return begin(
            shop,
            basket or self.parcel(shop),
            who or self.crowd.anyone(),
            min(placed_at, self.calendar.closes_at - timedelta(minutes=5)),
            currency=currency,
        )

    def parcel(self, shop: Shop, *articles: Article, delivery: Delivery | None = None) -> Basket:
        """A basket that is sent: of these articles, one each, or of some."""
        basket = some_basket(self.rng, shop)
        choices = [Choice(article, 1) for article in articles] or basket.choices
        to_send = [way for way in shop.plan.deliveries if way.carrier]
        return Basket(choices, delivery or self.rng.choice(to_send))

    def tell(self, life: Life, story: str) -> None:
        getattr(self.teller, story)(life)


def is_pickup(basket: Basket) -> bool:
    return basket.delivery is not None and not basket.delivery.carrier


def working_days_ago(calendar: Calendar, days: int) -> float:
    """How long ago, in the calendar's days, the morning ``days`` working days before today was."""
    day, left = calendar.today, days
    while left > 0:
        day -= timedelta(days=1)
        left -= day.weekday() < SATURDAY
    return (calendar.today - day).days - 0.2


def number(lives: Sequence[Life], rng: Random, *, rank: Callable[[Life], int]) -> None:
    """Give each its number, in the order they were placed; ``rank`` counts those placed before elsewhere.

    Numbers here are even: the odd ones are for the many of ``orders.demo.bulk``.
    """
    baskets: dict[str, str] = {}
    last = FIRST_NUMBER
    for life in lives:
        last = max(last + 2 * rng.randint(1, 4), FIRST_NUMBER + 2 * rank(life))
        basket = life.data.basket_number
        if basket and basket not in baskets:
            baskets[basket] = str(last)
            last += 2
        number = str(last)
        life.reported(external_id=number, number=number, basket_number=baskets.get(basket, ""))


# Orders for what they show


def set_pieces(planner: Planner) -> Iterator[Life]:
    """Every state, every rarity, the most telling first: a small demo has the first of them."""
    yield from _open_desk(planner)
    yield from _states(planner)
    yield from _bens(planner)
    yield from _rarities(planner)
    yield from _baskets_of_several_shops(planner)


def _open_desk(planner: Planner) -> Iterator[Life]:
    """What a vendor finds in the morning: new orders, a promised payment, a late one, one half sent."""
    verveine, miel, _terre = planner.shops
    for minutes, name in ((6, "Bénédicte Lefèvre"), (19, "Maël Le Goff"), (41, "Zoé N’Guyen")):
        sold_out = verveine.plan.articles[SOLD_OUT]
        basket = planner.parcel(verveine, sold_out) if name.startswith("Maël") else None
        life = planner.life(verveine, 0, who=planner.crowd.named(name), basket=basket)
        life.reported(placed_at=planner.calendar.closes_at - timedelta(minutes=minutes, seconds=13))
        life.reported(
            status=S.PROCESSING, paid_at=life.placed_at, payment_method=CARD[0], payment_title=CARD[1]
        )
        life.is_news = True
        yield life
    for shop, days in ((verveine, 0.12), (verveine, 1.4), (miel, 0.6)):
        pending = planner.life(shop, days)
        planner.tell(pending, "expired")
        yield pending
    on_hold = planner.life(verveine, working_days_ago(planner.calendar, 1))
    planner.teller.promised(on_hold)
    yield on_hold
    for days in (4, 6):
        late = planner.life(verveine, working_days_ago(planner.calendar, days))
        planner.teller.paid(late)
        yield late
    half_sent = planner.life(
        verveine,
        working_days_ago(planner.calendar, 2),
        basket=planner.parcel(verveine, *verveine.plan.articles[3:6]),
    )
    planner.teller.first_parcel(half_sent)
    yield half_sent
    ready = planner.life(
        verveine,
        working_days_ago(planner.calendar, 2),
        basket=planner.parcel(verveine, *verveine.plan.articles[:2], delivery=PICKUP),
        who=planner.crowd.named("Thérèse d’Arbois", is_guest=True),
    )
    planner.teller.packed(ready, planner.teller.paid(ready))
    yield ready


def _states(planner: Planner) -> Iterator[Life]:
    """Each way to end, within reach of the first pages."""
    verveine, miel, terre = planner.shops
    for shop, days, story in (
        (verveine, 26, "returned"),
        (verveine, 12, "abandoned"),
        (verveine, 9, "refused"),
        (verveine, 17, "damaged"),
        (verveine, 13, "stopped"),
        (miel, 15, "returned_in_part"),
        (terre, 20, "delivered"),
        (verveine, 33, "returned_in_two"),
        (verveine, 21, "in_two_parcels"),
        (verveine, 24, "reopened"),
        (verveine, 19, "consoled"),
        (verveine, 29, "unpaid"),
        (verveine, 16, "delivered_after_transfer"),
        (verveine, 22, "delivered_at_second_try"),
        (miel, 18, "delivered_after_transfer"),
    ):
        basket = planner.parcel(shop, *shop.plan.articles[1:4])
        life = planner.life(shop, days, basket=basket)
        planner.tell(life, story)
        yield life
    to_refund = planner.life(verveine, 8)
    at = planner.teller.paid(to_refund)
    to_refund.then(at + timedelta(hours=5), decides(S.CANCELLED, verveine.staff, words.CANCELLED_BY_STAFF))
    yield to_refund


def _bens(planner: Planner) -> Iterator[Life]:
    """People whose names begin alike, with parcels on their way: for whoever types « bén »."""
    verveine = planner.shops[0]
    names = (
        "Benoît Marchand",
        "Bénédicte Roussel",
        "Bénilde Salaün",
        "Marie-Bénédicte Joly",
        "Benjamin Faure",
    )
    for days, name in zip((3, 5, 7, 11, 14), names, strict=True):
        life = planner.life(verveine, days, who=planner.crowd.named(name, is_guest=days % 2 == 0))
        planner.teller.packed(life, planner.teller.paid(life))
        yield life


def _rarities(planner: Planner) -> Iterator[Life]:
    """What a page, a document or an export must get right, however seldom it comes."""
    verveine, miel, terre = planner.shops
    shelf = verveine.plan.articles
    by_rate = {rate: [a for a in shelf if a.vat_rate == rate] for rate in (TWENTY, FIVE_FIVE)}
    crowd, rng = planner.crowd, planner.rng

    mixed = Basket([Choice(by_rate[FIVE_FIVE][0], 3), Choice(by_rate[TWENTY][3], 2)], RELAY)
    discounted = Basket([Choice(shelf[0], 2), Choice(shelf[9], 1)], COLISSIMO, Decimal("0.15"), is_gift=True)
    given = Basket([Choice(by_rate[FIVE_FIVE][0], 1)], None, Decimal(1))
    exported = Basket([Choice(shelf[2], 4), Choice(shelf[7], 2)], CHRONOPOST, is_export=True)
    forty = Basket(
        [
            Choice(article, units)
            for article, units in zip(cycle_of(shelf, 40), cycle((1, 2, 3)), strict=False)
        ],
        COLISSIMO,
    )
    plugged = Basket([Choice(plug_in(verveine), 1), Choice(shelf[4], 2)], COLISSIMO)

    spa = crowd.named("Nadège Périé", company="Hôtel du Parc & Spa")
    american = crowd.named("Grace O’Malley")
    american = replace(
        american,
        address=AddressData(
            "Grace O’Malley", "", "1180 Ocean Avenue", "Apt 4", "90401", "Santa Monica", "CA", "US"
        ),
    )
    cast = [
        (verveine, 27, mixed, crowd.named("Élodie Çelik")),
        (verveine, 23, discounted, crowd.named("Jean-François Quéméner")),
        (verveine, 31, given, crowd.named("Œdipe Lacroix", is_guest=True)),
        (verveine, 39, forty, spa),
        (verveine, 35, plugged, crowd.named("Øyvind Sørensen", is_guest=True)),
        (miel, 28, planner.parcel(miel, *miel.plan.articles[10:15]), crowd.named("Bénédict Imbert")),
        (terre, 25, planner.parcel(terre), crowd.named("", company="Gîte La Grange aux Loups")),
        (verveine, 30, planner.parcel(verveine), crowd.nameless()),
        (miel, 22, planner.parcel(miel), crowd.nameless()),
    ]
    for shop, days, basket, who in cast:
        life = planner.life(shop, days, basket=basket, who=who)
        planner.teller.delivered(life)
        yield life
    abroad = planner.life(verveine, 37, basket=exported, who=american, currency="USD")
    planner.teller.delivered(abroad)
    yield abroad
    told = planner.life(verveine, 10, who=crowd.named("Solène Abgrall"))
    told.reported(customer_note="\n".join(words.CUSTOMER_NOTES[:3]))
    paid = planner.teller.paid(told)
    told.then(
        paid + timedelta(hours=1),
        writes(verveine.someone(Role.MANAGER), words.NOTES_TO_CUSTOMERS[0], for_customer=True),
    )
    planner.teller.received(told, planner.teller.packed(told, paid))
    yield told
    forgotten = planner.life(terre, working_days_ago(planner.calendar, 9), basket=planner.parcel(terre))
    planner.teller.paid(forgotten)
    forgotten.reported(customer_note=rng.choice(words.CUSTOMER_NOTES))
    yield forgotten


def _baskets_of_several_shops(planner: Planner) -> Iterator[Life]:
    """One checkout, an order for each shop."""
    verveine, miel, terre = planner.shops
    for n, (days, shops) in enumerate(
        ((6, (verveine, miel)), (20, (verveine, miel, terre)), (41, (miel, terre)))
    ):
        who = planner.crowd.anyone()
        placed_at = planner.calendar.ago(days)
        for shop in shops:
            life = planner.life(shop, days, who=who, basket=planner.parcel(shop))
            life.reported(placed_at=placed_at, basket_number=f"basket {n}")
            planner.teller.delivered(life)
            life.reported(payment_method=CARD[0], payment_title=CARD[1])
            yield life


def cycle_of(shelf: Sequence[Article], count: int) -> Iterator[Article]:
    return islice(cycle(shelf), count)
