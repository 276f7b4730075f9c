"""What is in a basket and what it costs, told as the storefront tells it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from marketplace.money import round_half_up, split
from orders.demo.catalogue import FIVE_FIVE, LEVY, NO_VAT, TWENTY, Article
from orders.demo.shops import Delivery, Shop
from orders.domain.order_data import LineData, TaxData

ZERO = Decimal("0.00")
GIFT_WRAP = Decimal("3.50")
LABELS = {TWENTY: "TVA 20 %", FIVE_FIVE: "TVA 5,5 %"}


@dataclass(frozen=True)
class Choice:
    """An article and how many of it."""

    article: Article
    units: int


@dataclass(frozen=True)
class Basket:
    """What one shop was asked for; ``discount`` is the fraction a coupon takes off the goods."""

    choices: Sequence[Choice]
    delivery: Delivery | None
    discount: Decimal = ZERO
    is_gift: bool = False
    is_export: bool = False  # without VAT, as what leaves the Union

    def lines(self) -> tuple[LineData, ...]:
        """Return goods, delivery and gift wrap, each with its taxes; amounts include VAT."""
        lines = [self._goods(choice) for choice in self.choices]
        if self.delivery is not None:
            lines.append(self._delivery(self.delivery, lines))
        if self.is_gift:
            vat_rate = ZERO if self.is_export or not any(line.taxes for line in lines) else TWENTY
            lines.append(_line("fee", "Emballage cadeau", GIFT_WRAP, GIFT_WRAP, _taxes([vat_rate])))
        return tuple(replace(line, external_id=str(n)) for n, line in enumerate(lines, start=1))

    def _goods(self, choice: Choice) -> LineData:
        article = choice.article
        before = article.price * choice.units
        after = before - round_half_up(before * self.discount)
        taxes = _taxes(
            [] if self.is_export else [article.vat_rate], NO_VAT if self.is_export else article.levy
        )
        return replace(
            _line("product", article.name, before, after, taxes),
            quantity=choice.units,
            sku=article.sku,
            details=article.variation,
            product_external_id=article.external_id,
        )

    def _delivery(self, delivery: Delivery, goods: Sequence[LineData]) -> LineData:
        """One line; its VAT follows the goods', by their weight in the basket."""
        worth = sum((line.net + line.tax for line in goods), ZERO)
        is_free = delivery.free_from is not None and worth >= delivery.free_from
        price = ZERO if is_free else delivery.price
        by_rate: dict[Decimal, Decimal] = {}
        for line in goods:
            for tax in line.taxes:
                if tax.kind == "vat":
                    by_rate[tax.rate] = by_rate.get(tax.rate, ZERO) + line.net + line.tax
        parts = split(price, list(by_rate.values())) if by_rate else [price]
        nets = [round_half_up(part / (1 + rate)) for part, rate in zip(parts, by_rate or [ZERO], strict=True)]
        taxes = tuple(
            TaxData(LABELS[rate], rate, part - net)
            for rate, part, net in zip(by_rate, parts, nets, strict=False)
        )
        net = sum(nets, ZERO)
        return LineData("shipping", "", delivery.title, 1, net, price - net, net, price - net, taxes)


def _taxes(rates: Sequence[Decimal], levy: Decimal = NO_VAT) -> list[TaxData]:
    """The taxes of a line, still without amounts; a rate of nothing is no tax."""
    taxes = [TaxData(LABELS[rate], rate, ZERO) for rate in rates if rate]
    return [*taxes, TaxData("Éco-contribution", levy, ZERO, "levy")] if levy else taxes


def _line(kind: str, name: str, before: Decimal, after: Decimal, taxes: Sequence[TaxData]) -> LineData:
    rate = sum((tax.rate for tax in taxes), Decimal(0))
    net_before, net = (round_half_up(amount / (1 + rate)) for amount in (before, after))
    tax = after - net
    amounts = split(tax, [tax.rate for tax in taxes])
    return LineData(
        kind=kind,
        external_id="",
        name=name,
        quantity=1,
        net_before_discount=net_before,
        tax_before_discount=before - net_before,
        net=net,
        tax=tax,
        taxes=tuple(replace(each, amount=amount) for each, amount in zip(taxes, amounts, strict=True)),
    )


def some_basket(rng: Random, shop: Shop, *, articles: Sequence[Article] | None = None) -> Basket:
    """What somebody buys on an ordinary day; the first articles are the best liked."""
    shelf = articles or shop.plan.articles
    wanted = rng.choices((1, 2, 3, 4), weights=(42, 31, 18, 9))[0]
    picked: dict[str, Choice] = {}
    for _ in range(wanted):
        article = shelf[int(len(shelf) * rng.random() ** 1.35)]
        picked[article.external_id] = Choice(article, rng.choices((1, 2, 3, 5), weights=(74, 18, 6, 2))[0])
    discount = rng.choice(("0.10", "0.10", "0.15", "0.20")) if rng.random() < 0.08 else "0"
    return Basket(
        choices=list(picked.values()),
        delivery=some_delivery(rng, shop),
        discount=Decimal(discount),
        is_gift=rng.random() < 0.07,
    )


def some_delivery(rng: Random, shop: Shop) -> Delivery:
    """The ways to deliver, the first the most used."""
    deliveries = shop.plan.deliveries
    return rng.choices(deliveries, weights=[8, 5, 2, 2][: len(deliveries)])[0]


def plug_in(shop: Shop) -> Article:
    """The article that bears the éco-contribution."""
    return next(article for article in shop.plan.articles if article.levy == LEVY)
