"""Many orders, fast: copies of a few hundred that were lived through, for thousands of customers."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from django.db import transaction

from orders import emails
from orders.demo import tables
from orders.demo.baskets import some_basket
from orders.demo.calendar import LENGTH, Calendar, at_work
from orders.demo.copies import OF_ADDRESS, TABLES, Copier, Original, read
from orders.demo.crowd import COMPANIES, FIRST_NAMES, LAST_NAMES, Buyer, buyer
from orders.demo.planning import FIRST_NUMBER
from orders.demo.shops import Shop
from orders.demo.stories import TRANSFER, Life, Teller, begin, live, reports
from orders.demo.tables import Sheet, Text, row, text
from orders.domain.transitions import after_working_days
from orders.exports.figures import work_out
from orders.models import Customer, OrderNameStart
from orders.models.customers import name_starts
from orders.models.figure_triggers import figures_come_along
from orders.states import OrderStatus

S = OrderStatus
CHUNK = 5000
GROWTH = 0.75  # below 1 there are more orders lately
MANY = 50_000  # from here on it pays to build indexes anew
ORDERS_PER_CUSTOMER = 8
MOST_CUSTOMERS = 20_000  # of a shop
MOST_ORIGINALS = 30  # of a shop and story


class BulkTeller(Teller):
    """Shorter stories: the same ends with fewer rows."""

    def completed(self, life: Life) -> None:
        at = at_work(self.paid(life), self.rng, days=self.rng.randint(2, 6))
        life.then(at, reports(S.COMPLETED))

    def completed_after_transfer(self, life: Life) -> None:
        at = at_work(self.confirmed(life), self.rng, days=self.rng.randint(2, 6))
        life.then(at, reports(S.COMPLETED))

    def unpaid_yet(self, life: Life) -> None:
        """Pending, as every order is until a story says otherwise."""
        life.reported(payment_method=TRANSFER[0], payment_title=TRANSFER[1])

    def to_prepare(self, life: Life) -> None:
        self.paid(life)

    def on_its_way(self, life: Life) -> None:
        self.packed(life, self.paid(life))


# How often a story is told, and what stands in its place while it is not over yet.
STORIES = {
    "completed": (760, "on_its_way"),
    "completed_after_transfer": (90, "promised"),
    "abandoned": (45, "unpaid_yet"),
    "expired": (10, "unpaid_yet"),
    "refused": (35, "unpaid_yet"),
    "returned": (30, "on_its_way"),
    "damaged": (20, "on_its_way"),
    "consoled": (10, "on_its_way"),
}
OPEN = ("to_prepare", "promised", "unpaid_yet", "on_its_way")


def fill_up(
    shops: Sequence[Shop],
    count: int,
    calendar: Calendar,
    rng: Random,
    progress: Callable[[int], object],
) -> None:
    """Write ``count`` orders into the shops' tables, spread over the demo's time.

    They use products that nobody counts, so that no stock moves. The caller's transaction
    locks the tables; from ``MANY`` on their indexes are built anew at the end.
    """
    if not count:
        return
    tables.lock(TABLES)
    originals = Originals(shops, count, calendar, rng)
    with (
        tables.roomy_cache(),
        tables.without_indexes(TABLES) if count >= MANY else nullcontext(),
        figures_come_along(),
    ):
        filling = Filling(shops, count, calendar, rng, originals)
        filling.write_customers()
        filling.write_orders(progress)
    tables.settle_ids(TABLES)
    if count >= MANY:
        tables.analyze(TABLES)


class Originals:
    """Some orders of each shop and story that were lived through, read, and taken back."""

    def __init__(self, shops: Sequence[Shop], count: int, calendar: Calendar, rng: Random) -> None:
        self.calendar, self.rng = calendar, rng
        self.pools = {
            (shop.plan.slug, story): self._live(shop, story, self._size(shop, story, count))
            for shop in shops
            for story in (*STORIES, *OPEN)
        }

    def one(self, shop: Shop, story: str) -> Original:
        pool = self.pools[shop.plan.slug, story]
        return pool[int(len(pool) * self.rng.random())]

    @staticmethod
    def _size(shop: Shop, story: str, count: int) -> int:
        """One for every hundred orders that are going to be copies, within bounds."""
        share = STORIES[story][0] / 1000 if story in STORIES else 0.02
        most = MOST_ORIGINALS if share > 0.5 else MOST_ORIGINALS // 10
        return min(int(count * shop.plan.share * share / 100) + 1, most)

    def _live(self, shop: Shop, story: str, size: int) -> list[Original]:
        place = transaction.savepoint()
        with emails.silence():
            orders = [live(self._life(shop, story, f"original {n}")) for n in range(size)]
        work_out(shop.vendor.pk, [order.pk for order in orders])
        originals = read(orders)
        transaction.savepoint_rollback(place)
        return originals

    def _life(self, shop: Shop, story: str, number: str) -> Life:
        shelf = [article for article in shop.plan.articles if not article.is_counted]
        basket = some_basket(self.rng, shop, articles=shelf)
        who = buyer(self.rng, "Camille Martin")
        life = begin(shop, basket, who, self.calendar.ago(30 + 7 * self.rng.random()))
        getattr(BulkTeller(self.rng), story)(life)
        life.reported(external_id=number, number=number)
        return life


@dataclass(frozen=True)
class Regular:
    """A customer as the rows of orders hold one."""

    columns: Sequence[Text]  # copies.OF_CUSTOMER
    starts: Sequence[Text]


@dataclass
class Filling:
    """One bulk filling at work."""

    shops: Sequence[Shop]
    count: int
    calendar: Calendar
    rng: Random
    originals: Originals
    regulars: dict[str, list[Regular]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.copier = Copier()
        self.names = Sheet(OrderNameStart)
        self.numbers = itertools.count(1)
        self.since = working_morning(self.calendar)

    # Customers

    def write_customers(self) -> None:
        sheet = Sheet(Customer)
        for shop in self.shops:
            wanted = int(self.count * shop.plan.share / ORDERS_PER_CUSTOMER)
            size = min(max(wanted, 1), MOST_CUSTOMERS)
            self.regulars[shop.plan.slug] = [self._regular(shop, sheet) for _ in range(size)]
        sheet.write()

    def _regular(self, shop: Shop, sheet: Sheet) -> Regular:
        who = self._somebody()
        customer = Customer(
            pk=sheet.take_ids(1),
            vendor=shop.vendor,
            source=shop.source,
            external_id=who.account,
            name=who.name or who.address.company,
            email=who.email,
            created_at=self.calendar.opens_at,
        )
        sheet.rows.append(row([text(getattr(customer, each.attname)) for each in sheet.fields]))
        own = [text(value) for value in (customer.pk, customer.name, who.email, who.phone)]
        address = [text(getattr(who.address, part)) for part in OF_ADDRESS]
        return Regular([*own, *address, *address], [text(start) for start in name_starts(customer.name)])

    def _somebody(self) -> Buyer:
        """A person or company; the number of each makes account and mailbox their own."""
        rng, n = self.rng, next(self.numbers)
        return buyer(
            rng,
            "" if rng.random() < 0.01 else f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}",
            company=rng.choice(COMPANIES) if rng.random() < 0.05 else "",
            account=f"9{n:07}" if rng.random() < 0.6 else "",
            tag=str(n),
        )

    # Orders

    def write_orders(self, progress: Callable[[int], object]) -> None:
        """Copy chunk after chunk; while one is written, the next one is copied."""
        with ThreadPoolExecutor(max_workers=1) as clerk:
            written: Future[None] | None = None
            for first in range(0, self.count, CHUNK):
                self.copy_orders(ranks := range(first, min(first + CHUNK, self.count)))
                if written is not None:
                    written.result()
                written = clerk.submit(_write, [*self.copier.taken(), self.names.taken()])
                progress(len(ranks))
            if written is not None:
                written.result()

    def copy_orders(self, ranks: range) -> None:
        """Copy the orders of these ranks, by the time they are placed."""
        rng = self.rng
        shops = rng.choices(self.shops, weights=[shop.plan.share for shop in self.shops], k=len(ranks))
        stories = rng.choices(
            list(STORIES), weights=[often for often, _open in STORIES.values()], k=len(ranks)
        )
        for rank, shop, story in zip(ranks, shops, stories, strict=True):
            placed_at = self.calendar.moment(LENGTH * ((rank + 0.5) / self.count) ** GROWTH)
            self._add(rank, shop, story, placed_at)

    def _add(self, rank: int, shop: Shop, story: str, placed_at: datetime) -> None:
        original = self.originals.one(shop, story)
        if placed_at + original.lasts > self.calendar.closes_at:
            original = self.originals.one(shop, self._not_yet(STORIES[story][1], placed_at))
        late_from = (
            text(after_working_days(placed_at, shop.vendor)) if original.prepare_by is not None else None
        )
        regulars = self.regulars[shop.plan.slug]
        who = regulars[int(len(regulars) * self.rng.random() ** 1.5)]
        order = self.copier.copy(
            original, placed_at, str(FIRST_NUMBER + 2 * rank + 1), who.columns, prepare_by=late_from
        )
        first = self.names.take_ids(len(who.starts))
        pk, vendor = str(order), str(shop.vendor.pk)
        self.names.rows += [row([str(first + n), pk, vendor, start]) for n, start in enumerate(who.starts)]

    def _not_yet(self, story: str, placed_at: datetime) -> str:
        return story if story != "on_its_way" or placed_at < self.since else "to_prepare"


def _write(sheets: Sequence[Callable[[], None]]) -> None:
    for write in sheets:
        write()


def working_morning(calendar: Calendar) -> datetime:
    """Ten o'clock of the last working day before today: what came since may still be unpacked."""
    day = next(at for at in reversed(calendar.midnights[:-1]) if (at + timedelta(hours=10)).weekday() < 5)
    return day + timedelta(hours=10)
