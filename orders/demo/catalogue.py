"""What the demo's shops sell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

TWENTY = Decimal("0.2000")
FIVE_FIVE = Decimal("0.0550")
NO_VAT = Decimal("0.0000")
LEVY = Decimal("0.0100")  # the éco-contribution on what has a plug


@dataclass(frozen=True)
class Article:
    """One thing on a shop's shelf; ``price`` includes VAT, ``variation`` is as the customer chose it."""

    external_id: str
    sku: str
    name: str
    variation: str
    price: Decimal
    vat_rate: Decimal
    grams: int
    is_counted: bool
    levy: Decimal

    @property
    def full_name(self) -> str:
        return f"{self.name} – {self.variation.partition(': ')[2]}" if self.variation else self.name


@dataclass(frozen=True)
class Range:
    """A product in its variations: ``{variation: (price, grams)}``."""

    sku: str
    name: str
    vat_rate: Decimal
    choice: str
    variations: dict[str, tuple[str, int]]
    is_counted: bool = True
    levy: Decimal = NO_VAT


def one(sku: str, name: str, rate: Decimal, price: str, grams: int, *, counted: bool = True) -> Range:
    return Range(sku, name, rate, "", {"": (price, grams)}, is_counted=counted)


COSMETICS = [
    Range(
        "CRM",
        "Crème mains verveine & karité",
        TWENTY,
        "Contenance",
        {"30 ml": ("6.90", 45), "75 ml": ("12.90", 98), "150 ml": ("19.90", 185)},
    ),
    Range(
        "SAV",
        "Savon surgras",
        TWENTY,
        "Parfum",
        {
            "verveine": ("5.90", 100),
            "lavande": ("5.90", 100),
            "calendula": ("5.90", 100),
            "argile rose": ("6.40", 100),
        },
    ),
    Range(
        "SHA",
        "Shampoing solide",
        TWENTY,
        "Pour",
        {"cheveux gras": ("9.90", 75), "cheveux secs": ("9.90", 75)},
    ),
    Range(
        "HUI",
        "Huile visage rose musquée",
        TWENTY,
        "Contenance",
        {"30 ml": ("24.50", 92), "50 ml": ("36.00", 130)},
    ),
    Range(
        "BAU",
        "Baume à lèvres",
        TWENTY,
        "Parfum",
        {"nature": ("4.90", 12), "miel": ("4.90", 12), "menthe": ("4.90", 12)},
    ),
    Range(
        "BLE",
        "Eau florale de bleuet",
        TWENTY,
        "Contenance",
        {"100 ml": ("9.50", 130), "200 ml": ("15.90", 245)},
    ),
    Range(
        "HAM",
        "Eau florale d’hamamélis",
        TWENTY,
        "Contenance",
        {"100 ml": ("9.50", 130), "200 ml": ("15.90", 245)},
    ),
    Range(
        "JOU", "Crème de jour au bleuet", TWENTY, "Peau", {"normale": ("28.00", 110), "sèche": ("28.00", 110)}
    ),
    one("SER", "Sérum nuit à l’immortelle", TWENTY, "34.90", 88),
    Range("GOM", "Gommage au sucre", TWENTY, "Parfum", {"agrumes": ("17.50", 260), "amande": ("17.50", 260)}),
    Range("DEO", "Déodorant solide", TWENTY, "Parfum", {"palmarosa": ("11.90", 55), "sauge": ("11.90", 55)}),
    Range(
        "HE",
        "Huile essentielle",
        TWENTY,
        "Plante",
        {"lavandin": ("7.90", 32), "ravintsara": ("9.40", 32), "citron": ("6.20", 32)},
    ),
    Range("DIF", "Diffuseur d’huiles essentielles", TWENTY, "", {"": ("49.00", 620)}, levy=LEVY),
    one("TIS", "Tisane du soir", FIVE_FIVE, "8.50", 60),
    one("VER", "Tisane verveine-menthe", FIVE_FIVE, "7.90", 50),
    one("LIV", "Livre « Mes soins naturels »", FIVE_FIVE, "18.00", 420),
    Range(
        "BOU",
        "Bougie « Soir d’été »",
        TWENTY,
        "Taille",
        {"90 g": ("14.00", 190), "180 g": ("22.00", 340)},
        False,
    ),
    one("DEC", "Coffret découverte", TWENTY, "45.00", 520, counted=False),
    one("MAI", "Coffret soin des mains", TWENTY, "32.00", 380, counted=False),
    Range("TRO", "Trousse en lin", TWENTY, "Couleur", {"écru": ("14.50", 70), "sauge": ("14.50", 70)}, False),
    Range("BAI", "Sels de bain", TWENTY, "Parfum", {"pin": ("12.00", 520), "rose": ("12.50", 520)}, False),
    Range(
        "GEL",
        "Gel douche en vrac",
        TWENTY,
        "Contenance",
        {"250 ml": ("8.20", 270), "1 l": ("24.90", 1060)},
        False,
    ),
    one("ROO", "Infusion rooibos-orange", FIVE_FIVE, "8.90", 80, counted=False),
    one("ATE", "Atelier « Fabriquer son baume », une place", TWENTY, "39.00", 0, counted=False),
]

FOOD = [
    Range(
        "LAV",
        "Miel de lavande",
        FIVE_FIVE,
        "Pot",
        {"250 g": ("7.20", 390), "500 g": ("12.60", 730), "1 kg": ("23.50", 1350)},
    ),
    Range("CHA", "Miel de châtaignier", FIVE_FIVE, "Pot", {"250 g": ("6.80", 390), "500 g": ("11.90", 730)}),
    Range("FLE", "Miel toutes fleurs", FIVE_FIVE, "Pot", {"500 g": ("9.90", 730), "1 kg": ("18.50", 1350)}),
    Range("ACA", "Miel d’acacia", FIVE_FIVE, "Pot", {"250 g": ("8.40", 390), "500 g": ("14.90", 730)}),
    one("POL", "Pollen frais", FIVE_FIVE, "15.50", 260),
    one("EPI", "Pain d’épices au miel", FIVE_FIVE, "8.90", 340),
    Range("CON", "Confiture de figues", FIVE_FIVE, "Pot", {"220 g": ("5.40", 370), "350 g": ("7.20", 560)}),
    Range(
        "OLI",
        "Huile d’olive vierge extra",
        FIVE_FIVE,
        "Bouteille",
        {"50 cl": ("13.90", 900), "1 l": ("24.00", 1450)},
    ),
    one("FAR", "Farine de châtaigne", FIVE_FIVE, "9.80", 510),
    one("LEN", "Lentilles vertes", FIVE_FIVE, "4.60", 505),
    one("BON", "Bonbons au miel et à la sève de pin", TWENTY, "5.20", 160),
    one("HYD", "Hydromel 75 cl", TWENTY, "16.90", 1250),
    one("CIR", "Bougie en cire d’abeille", TWENTY, "11.50", 210),
    one("GEE", "Gelée royale", FIVE_FIVE, "29.00", 60, counted=False),
    Range(
        "NON", "Nonnettes", FIVE_FIVE, "Parfum", {"orange": ("5.90", 210), "myrtille": ("5.90", 210)}, False
    ),
    Range(
        "NOI",
        "Cerneaux de noix",
        FIVE_FIVE,
        "Sachet",
        {"250 g": ("6.90", 255), "500 g": ("12.90", 505)},
        False,
    ),
    one("PAN", "Panier du rucher", FIVE_FIVE, "42.00", 2400, counted=False),
    one("NOU", "Nougat tendre", TWENTY, "9.60", 210, counted=False),
    one("CHO", "Chocolat noir au miel", FIVE_FIVE, "4.80", 100, counted=False),
]

CRAFTS = [
    Range("BOL", "Bol en grès", NO_VAT, "Émail", {"tilleul": ("24.00", 420), "cendre": ("24.00", 420)}),
    Range("MUG", "Mug tourné", NO_VAT, "Émail", {"tilleul": ("22.00", 360), "cendre": ("22.00", 360)}),
    one("ASS", "Assiette plate", NO_VAT, "28.00", 680),
    one("CUI", "Cuillère en poirier", NO_VAT, "16.00", 60),
    one("PLA", "Planche à découper en noyer", NO_VAT, "46.00", 1150),
    one("SOL", "Vase soliflore", NO_VAT, "34.00", 520),
    one("THE", "Théière", NO_VAT, "78.00", 980, counted=False),
    Range(
        "PAI", "Panier en osier", NO_VAT, "Taille", {"petit": ("38.00", 600), "grand": ("59.00", 1100)}, False
    ),
    one("SAL", "Saladier", NO_VAT, "52.00", 1500, counted=False),
    one("PHO", "Photophore", NO_VAT, "19.00", 310, counted=False),
    one("CAR", "Carreau peint à la main", NO_VAT, "12.00", 290, counted=False),
]


def articles(ranges: Sequence[Range], first_id: int) -> list[Article]:
    """Return each variation as an article, with the ids a storefront gives: ``210`` or ``210:211``."""
    return list(_articles(ranges, first_id))


def _articles(ranges: Sequence[Range], first_id: int) -> Iterator[Article]:
    for n, product in enumerate(ranges):
        parent = first_id + 10 * n
        for position, (variation, (price, grams)) in enumerate(product.variations.items(), start=1):
            yield Article(
                external_id=f"{parent}:{parent + position}" if variation else str(parent),
                sku=f"{product.sku}-{position:02}" if variation else product.sku,
                name=product.name,
                variation=f"{product.choice}: {variation}" if variation else "",
                price=Decimal(price),
                vat_rate=product.vat_rate,
                grams=grams,
                is_counted=product.is_counted,
                levy=product.levy,
            )
