"""A shop's logo: a file from a stranger, of which only the drawing or the pixels are kept."""

import base64
import io
import re
from xml.etree import ElementTree as ET  # a DOCTYPE is refused before, see clean_logo  # nosec B405

from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

SVG = "http://www.w3.org/2000/svg"
MOST_CHARACTERS = 200_000
MOST_ELEMENTS = 2_000
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
        "spreadMethod",
        "clipPathUnits",
    ]
)
# No backslash (escapes), no @, no <; an address only as the name of a part of the same drawing.
HARMLESS = re.compile(r"[\w\s.,;:#%()+\-'\"/]*")
LOCAL_PART = re.compile(r"url\(\s*['\"]?#[\w.\-]+['\"]?\s*\)")


class LogoRefused(Exception):
    """The text is no SVG that a document can carry; the message says why."""


def clean_logo(svg: str) -> str:
    """Return the drawing in ``svg``, and nothing else: no script, link, style sheet, image, entity.

    Elements and attributes that are not on the lists above are left out with all they hold.
    Raises LogoRefused for text that is no SVG, has a DOCTYPE, or is too large.
    """
    if len(svg) > MOST_CHARACTERS:
        raise LogoRefused(_("The logo has more than %(most)s characters.") % {"most": MOST_CHARACTERS})
    if "<!doctype" in svg.lower() or "<!entity" in svg.lower():
        raise LogoRefused(_("The logo has a DOCTYPE."))
    try:
        root = ET.fromstring(svg.strip())  # noqa: S314 - no DOCTYPE, so no entity to expand  # nosec B314
    except (ET.ParseError, ValueError) as error:
        raise LogoRefused(_("The logo is no SVG: %(why)s.") % {"why": error}) from error
    if _name(root.tag) != "svg":
        raise LogoRefused(_("The logo is no SVG."))
    if sum(1 for _element in root.iter()) > MOST_ELEMENTS:
        raise LogoRefused(_("The logo has more than %(most)s elements.") % {"most": MOST_ELEMENTS})
    ET.register_namespace("", SVG)
    return ET.tostring(_copy(root, DEEPEST), encoding="unicode")


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
    except Image.DecompressionBombError as error:  # refused by its header, before a pixel is unpacked
        raise LogoRefused(_("The logo has more than 16 million pixels.")) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise LogoRefused(_("The logo is no PNG, JPEG or SVG that can be read.")) from error
    upright.thumbnail(LARGEST)
    clean = Image.new("RGBA", upright.size)
    clean.paste(upright)
    file = io.BytesIO()
    clean.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def data_uri(logo: str) -> str:
    """Return an SVG as an address that holds the whole image; such an address, and nothing, as they are."""
    if not logo or logo.startswith("data:"):
        return logo
    return "data:image/svg+xml;base64," + base64.b64encode(logo.encode()).decode()


def _copy(element: ET.Element, depth: int) -> ET.Element:
    name = _name(element.tag)
    copy = ET.Element(f"{{{SVG}}}{name}", _attributes(element))
    if name in WITH_TEXT:
        copy.text = element.text
    for child in element:
        if _name(child.tag) not in ELEMENTS:
            continue
        if depth == 0:
            raise LogoRefused(_("The logo’s groups are too deep."))
        copy.append(_copy(child, depth - 1))
        if name in WITH_TEXT:
            copy[-1].tail = child.tail
    return copy


def _attributes(element: ET.Element) -> dict[str, str]:
    """Return the harmless attributes; a ``style`` counts as the attributes it stands for."""
    stated = dict(element.attrib)
    for declaration in stated.pop("style", "").split(";"):
        name, _colon, value = declaration.partition(":")
        stated[name.strip()] = value.strip()
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
