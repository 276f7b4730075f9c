"""A shop's logo: a file from a stranger, of which only the drawing or the pixels are kept."""

import base64
import io
import re
from xml.etree import ElementTree as ET  # a DOCTYPE is refused before, see clean_logo  # nosec B405

from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image, ImageOps, UnidentifiedImageError

SVG = "http://www.w3.org/2000/svg"
DRAWS = "orders.documents.renderer.draws"  # by its name: what makes documents stands above this
MOST_CHARACTERS = 200_000
MOST_ELEMENTS = 2_000
MOST_LETTERS = 200  # of text in a drawing
MOST_CLIPPED = 50  # elements that are cut to a shape: each draws the shape again
DEEPEST = 12
MOST_BYTES = 500_000  # of a file
MOST_PIXELS = 16_000_000  # of a picture, before it is made smaller
LARGEST = (800, 400)  # pixels that are kept: 400 dots an inch at the size that documents print

ELEMENTS = frozenset(
    [
        "svg",
        "g",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "title",
        "desc",
        "defs",
        "linearGradient",
        "radialGradient",
        "stop",
        "clipPath",
    ]
)
WITH_TEXT = frozenset({"text", "tspan", "title", "desc"})
ATTRIBUTES = frozenset(
    [
        "id",
        "viewBox",
        "preserveAspectRatio",
        "width",
        "height",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "fx",
        "fy",
        "dx",
        "dy",
        "d",
        "points",
        "transform",
        "fill",
        "fill-opacity",
        "fill-rule",
        "clip-path",
        "clip-rule",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-miterlimit",
        "stroke-dasharray",
        "stroke-dashoffset",
        "opacity",
        "color",
        "font-family",
        "font-size",
        "font-weight",
        "font-style",
        "letter-spacing",
        "text-anchor",
        "offset",
        "stop-color",
        "stop-opacity",
        "gradientUnits",
        "gradientTransform",
        "clipPathUnits",
    ]
)
# No backslash (escapes), no @, no <; an address only as the name of a part of the same drawing.
HARMLESS = re.compile(r"[\w\s.,;:#%()+\-'\"/]*")
DOCTYPE = re.compile(r"<!doctype[^\[<>]*>", re.IGNORECASE)  # one that declares nothing
CLASS = re.compile(r"\.([\w-]+)")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
LOCAL_PART = re.compile(r"url\(\s*['\"]?#[\w.\-]+['\"]?\s*\)")


STYLE_SHEET = gettext_lazy(
    "The logo has a style sheet. Export it with “presentation attributes”, or send it as PNG."
)


class LogoRefused(Exception):
    """The text is no SVG that a document can carry; the message says why."""


def clean_logo(svg: str) -> str:
    """Return the drawing in ``svg``, and nothing else: no script, link, style sheet, image, entity.

    Elements and attributes that are not on the lists above are left out with all they hold; a
    style sheet's classes become attributes. Raises LogoRefused for text that is no SVG, declares
    entities, is too large, or could keep a document from being made.
    """
    if len(svg) > MOST_CHARACTERS:
        raise LogoRefused(_("The logo has more than %(most)s characters.") % {"most": MOST_CHARACTERS})
    svg = DOCTYPE.sub("", svg, count=1)
    if "<!doctype" in svg.lower() or "<!entity" in svg.lower():
        raise LogoRefused(_("The logo declares parts of its own (DOCTYPE, ENTITY). Send it as PNG instead."))
    try:
        root = ET.fromstring(svg.strip())  # noqa: S314 - no DOCTYPE, so no entity to expand  # nosec B314
    except (ET.ParseError, ValueError) as error:
        raise LogoRefused(_("The logo is no SVG: %(why)s.") % {"why": error}) from error
    if _name(root.tag) != "svg":
        raise LogoRefused(_("The logo is no SVG."))
    if sum(1 for _element in root.iter()) > MOST_ELEMENTS:
        raise LogoRefused(_("The logo has more than %(most)s elements.") % {"most": MOST_ELEMENTS})
    ET.register_namespace("", SVG)
    drawing = _copy(root, DEEPEST, _classes(root))
    _check(drawing)
    return ET.tostring(drawing, encoding="unicode")


def picture_uri(content: bytes) -> str:
    """Return a PNG or JPEG as a data: address of a new PNG that has its pixels and nothing else.

    Raises LogoRefused for what is no such picture, or is too large.
    """
    if len(content) > MOST_BYTES:
        raise LogoRefused(_("The logo has more than %(most)s kB.") % {"most": MOST_BYTES // 1000})
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise LogoRefused(_("The logo has more than 16 million pixels."))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except Image.DecompressionBombError as error:
        raise LogoRefused(_("The logo has more than 16 million pixels.")) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise LogoRefused(_("The logo is no PNG, JPEG or SVG that can be read.")) from error
    upright.thumbnail(LARGEST)
    clean = Image.new("RGBA", upright.size)
    clean.paste(upright)
    file = io.BytesIO()
    clean.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def check_drawn(uri: str) -> None:
    """Draw an image as documents do, once; raises LogoRefused where that fails or takes too long."""
    if not import_string(DRAWS)(uri):
        raise LogoRefused(_("The logo cannot be drawn. Send it as PNG instead."))


def data_uri(logo: str) -> str:
    """Return an SVG as an address that holds the whole image; such an address, and nothing, as they are."""
    if not logo or logo.startswith("data:"):
        return logo
    return "data:image/svg+xml;base64," + base64.b64encode(logo.encode()).decode()


def _classes(root: ET.Element) -> dict[str, dict[str, str]]:
    """Return what a drawing's style sheet says of each class. Raises LogoRefused where it says more."""
    classes: dict[str, dict[str, str]] = {}
    for sheet in root.iter(f"{{{SVG}}}style"):
        *rules, rest = _without_comments("".join(sheet.itertext())).split("}")
        if rest.strip():
            raise LogoRefused(STYLE_SHEET)
        for rule in rules:
            selectors, _brace, declarations = rule.partition("{")
            for selector in selectors.split(","):
                if not (found := CLASS.fullmatch(selector.strip())):
                    raise LogoRefused(STYLE_SHEET)
                classes.setdefault(found[1], {}).update(_declarations(declarations))
    return classes


def _without_comments(text: str) -> str:
    before, *after = text.split("/*")
    return before + "".join(part.partition("*/")[2] for part in after)


def _declarations(text: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in text.split(";"))
    return {name.strip(): value.strip() for name, _colon, value in pairs if name.strip()}


def _check(drawing: ET.Element) -> None:
    """Raise LogoRefused for what would take a drawing program for ever, or stop it."""
    letters = sum(len(text) for text in drawing.itertext())
    if letters > MOST_LETTERS:
        raise LogoRefused(_("The logo has more than %(most)s letters of text.") % {"most": MOST_LETTERS})
    if sum("clip-path" in element.attrib for element in drawing.iter()) > MOST_CLIPPED:
        raise LogoRefused(_("The logo is too complicated. Send it as PNG instead."))
    box = drawing.get("viewBox")
    if box is not None and not _is_box(box):
        raise LogoRefused(_("The logo’s viewBox is not four numbers. Send it as PNG instead."))


def _is_box(text: str) -> bool:
    numbers = text.replace(",", " ").split()
    is_whole = len(numbers) == 4 and all(NUMBER.fullmatch(number) for number in numbers)
    return is_whole and float(numbers[2]) > 0 and float(numbers[3]) > 0


def _copy(
    element: ET.Element, depth: int, classes: dict[str, dict[str, str]], *, is_clip: bool = False
) -> ET.Element:
    name = _name(element.tag)
    copy = ET.Element(f"{{{SVG}}}{name}", _attributes(element, classes))
    is_clip = is_clip or name == "clipPath"
    if is_clip:  # a shape cut by shapes that are cut doubles with each of them
        copy.attrib.pop("clip-path", None)
    if name in WITH_TEXT:
        copy.text = element.text
    for child in element:
        if _name(child.tag) not in ELEMENTS:
            continue
        if depth == 0:
            raise LogoRefused(_("The logo’s groups are too deep."))
        copy.append(_copy(child, depth - 1, classes, is_clip=is_clip))
        if name in WITH_TEXT:
            copy[-1].tail = child.tail
    return copy


def _attributes(element: ET.Element, classes: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the harmless attributes; classes and a ``style`` count as the attributes they stand for."""
    stated = dict(element.attrib)
    own = _declarations(stated.pop("style", ""))
    for name in stated.pop("class", "").split():
        stated |= classes.get(name, {})
    stated |= own
    return {name: value for name, value in stated.items() if name in ATTRIBUTES and _is_harmless(value)}


def _is_harmless(value: str) -> bool:
    rest = LOCAL_PART.sub("", value)
    return HARMLESS.fullmatch(value) is not None and "url" not in rest.lower() and "//" not in rest


def _name(tag: object) -> str:
    """Return an SVG element's name; empty for comments and for what is not SVG."""
    if not isinstance(tag, str):
        return ""
    namespace, _brace, name = tag.rpartition("}")
    return name if namespace in ("", "{" + SVG) else ""
