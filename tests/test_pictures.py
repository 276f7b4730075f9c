"""How documents look: each variant beside its picture in ``tests/pictures``.

After a change that is meant, look at what ``.ci/pictures`` writes, and commit it.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from orders.documents.delivery_note import delivery_note_pdf
from orders.documents.invoice import invoice_pdf
from orders.domain.fulfillment import ready_for_pickup, ship
from orders.domain.invoicing import delivery_note
from orders.states import OrderStatus
from tests.factories import FIVE_FIVE, NOON, make_order, make_product
from tests.paper import INVOICES, LOGO
from vendors.models import LegalIdentity

PICTURES = Path(__file__).parent / "pictures"
DOTS = 50  # per inch: enough to see what moved, small enough to keep
GRAYS = 16
MOST_CHANGED = 0.004  # of the picture: other versions of Pango draw letters a little otherwise
WRITE = os.environ.get("PICTURES") == "write"

pytestmark = [
    pytest.mark.pdf,
    pytest.mark.skipif(
        not shutil.which("pdftoppm"), reason="pdftoppm is missing: apt-get install poppler-utils"
    ),
]


def picture_of(pdf, folder):
    """All pages side by side, in few grays."""
    (folder / "document.pdf").write_bytes(pdf)
    command = ["pdftoppm", "-r", str(DOTS), "-gray", "-png", "document.pdf", "page"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    pages = [Image.open(path) for path in sorted(folder.glob("page*.png"))]
    whole = Image.new("L", (sum(page.width for page in pages), pages[0].height), 255)
    x = 0
    for page in pages:
        whole.paste(page, (x, 0))
        x += page.width
    return whole.quantize(GRAYS)


def share_changed(one, other):
    """How much of the picture differs in more than a shade."""
    if one.size != other.size:
        return 1.0
    difference = ImageChops.difference(one.convert("L"), other.convert("L"))
    return sum(difference.histogram()[64:]) / (one.width * one.height)


def assert_looks_as_before(name, pdf, folder):
    picture, path = picture_of(pdf, folder), PICTURES / f"{name}.png"
    if WRITE:
        PICTURES.mkdir(exist_ok=True)
        picture.save(path, optimize=True)
    assert share_changed(picture, Image.open(path)) <= MOST_CHANGED


@pytest.mark.parametrize("variant", INVOICES)
def test_an_invoice_looks_as_before(variant, tmp_path):
    assert_looks_as_before(variant, invoice_pdf(INVOICES[variant]()), tmp_path)


@pytest.fixture
def order(vendor):
    LegalIdentity.objects.filter(vendor=vendor).update(logo_svg=LOGO, color="#8a4b08", phone="04 90 00 00 00")
    vendor.pickup_address = "Boutique du Moulin\n3 chemin du Moulin\n13520 Les Baux-de-Provence"
    vendor.pickup_hours = "Du mardi au samedi, 10 h – 12 h 30 et 14 h – 18 h 30"
    vendor.save()
    vendor.refresh_from_db()
    honey = make_product(
        vendor, name="Miel de lavande", sku="MIEL-LAV-250", price="9.90", vat_rate=FIVE_FIVE, weight_grams=627
    )
    soap = make_product(vendor, name="Savon au miel", sku="SAV-01", price="6.50", weight_grams=110)
    candle = make_product(
        vendor, name="Bougie en cire d’abeille", sku="BOUGIE", price="18.00", weight_grams=310
    )
    return make_order(
        vendor,
        number="1042",
        status=OrderStatus.PROCESSING,
        lines=[(honey, 3), (soap, 2), (candle, 1)],
        customer_name="Bénédicte Lefèvre",
        customer_phone="06 12 34 56 78",
        customer_note="Merci de ne pas plier, c’est un cadeau.\nLa sonnette est en panne.",
        shipping_method="Colissimo à domicile",
    )


def test_a_parcels_delivery_note_looks_as_before(order, owner, tmp_path):
    honey, soap, _candle = order.lines.all()
    parcel = ship(
        order,
        units={honey.pk: 2, soap.pk: 2},
        carrier="colissimo",
        tracking_number="6A12345678901",
        by=owner,
        at=NOON,
    )

    note = delivery_note(order, parcel, at=NOON)

    assert_looks_as_before("delivery-note", delivery_note_pdf(note), tmp_path)


def test_a_pickup_note_looks_as_before(order, owner, tmp_path):
    ready_for_pickup(order, by=owner, at=NOON)

    note = delivery_note(order, at=NOON)

    assert_looks_as_before("pickup-note", delivery_note_pdf(note), tmp_path)


def test_another_picture_is_seen(tmp_path):
    other = picture_of(invoice_pdf(INVOICES["levy"]()), tmp_path)

    assert share_changed(Image.open(PICTURES / "consumer-prepaid.png"), other) > MOST_CHANGED
