"""An invoice's PDF with its XML inside: Factur-X is PDF/A-3 that names ``factur-x.xml`` in its metadata."""

import re
from datetime import UTC, date, datetime, time
from typing import Any

FILE_NAME = "factur-x.xml"
FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
UA = "http://www.aiim.org/pdfua/ns/id/"
EXTENSION = "http://www.aiim.org/pdfa/ns/"
LINE_END = re.compile(rb"[\r\n]\nendstream$")

FX_PROPERTIES = {
    "DocumentFileName": "The name of the embedded XML document",
    "DocumentType": "The type of the hybrid document in capital letters",
    "Version": "The actual version of the standard applying to the embedded XML document",
    "ConformanceLevel": "The conformance level of the embedded XML document",
}
UA_PROPERTIES = {"part": "The part of PDF/UA that the document conforms to"}


def attachment(xml: bytes, issued_on: str) -> Any:
    """Return ``xml`` as WeasyPrint embeds it; it bears the date of issue, so that bytes stay the same."""
    from weasyprint import Attachment

    at = datetime.combine(date.fromisoformat(issued_on), time(tzinfo=UTC))
    return Attachment(
        string=xml, name=FILE_NAME, description="Factur-X", relationship="Data", created=at, modified=at
    )


def declare(document: Any, pdf: Any) -> None:
    """Say in the PDF's metadata that it is Factur-X and PDF/UA-1 too; a ``finisher`` of WeasyPrint.

    The metadata stay uncompressed, as PDF/A asks; the file is named once. A stream whose last
    byte, compressed, looks like a line's end is left as it is: readers cannot tell where it ends.
    """
    for part in pdf.objects:
        if getattr(part, "extra", None) and part.extra.get("Type") == "/Metadata":
            part.compress = False
            xmp = b"".join(text if isinstance(text, bytes) else text.encode() for text in part.stream)
            part.stream = [xmp.replace(b"</rdf:RDF>", _descriptions().encode() + b"</rdf:RDF>", 1)]
        elif getattr(part, "compress", False) and LINE_END.search(part.data):
            part.compress = False
    if files := pdf.catalog.get("AF"):
        files[:] = list(dict.fromkeys(files))


def _descriptions() -> str:
    schemas = "".join(
        [
            _schema("Factur-X PDFA Extension Schema", FX, "fx", FX_PROPERTIES, "Text", "external"),
            _schema("PDF/UA identification schema", UA, "pdfuaid", UA_PROPERTIES, "Integer", "internal"),
        ]
    )
    return (
        f'<rdf:Description rdf:about="" xmlns:fx="{FX}"><fx:DocumentType>INVOICE</fx:DocumentType>'
        f"<fx:DocumentFileName>{FILE_NAME}</fx:DocumentFileName><fx:Version>1.0</fx:Version>"
        "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>"
        f'<rdf:Description rdf:about="" xmlns:pdfuaid="{UA}"><pdfuaid:part>1</pdfuaid:part></rdf:Description>'
        f'<rdf:Description rdf:about="" xmlns:pdfaExtension="{EXTENSION}extension/" '
        f'xmlns:pdfaSchema="{EXTENSION}schema#" xmlns:pdfaProperty="{EXTENSION}property#">'
        f"<pdfaExtension:schemas><rdf:Bag>{schemas}</rdf:Bag></pdfaExtension:schemas></rdf:Description>"
    )


def _schema(title: str, uri: str, prefix: str, properties: dict[str, str], kind: str, category: str) -> str:
    """Return the description that PDF/A asks for of properties which are not its own.

    Source: ISO 19005-3, 6.6.2.3.
    """
    told = "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        f"<pdfaProperty:valueType>{kind}</pdfaProperty:valueType>"
        f"<pdfaProperty:category>{category}</pdfaProperty:category>"
        f"<pdfaProperty:description>{text}</pdfaProperty:description></rdf:li>"
        for name, text in properties.items()
    )
    return (
        f'<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>{title}</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{uri}</pdfaSchema:namespaceURI><pdfaSchema:prefix>{prefix}</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{told}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
