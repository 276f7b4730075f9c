"""In words: the fields in which a storefront and Comptoir differed, and what a comparison found."""

from collections.abc import Iterable, Mapping

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from marketplace.formats import labelled

FIELDS = {
    "status": _("status"),
    "total": _("total"),
    "refunded": _("refunded amount"),
    "refunds": _("refunds"),
    "refund_lines": _("lines of refunds"),
    "lines": _("lines"),
    "notes": _("notes"),
    "customer": _("customer"),
    "hidden": _("deleted or restored"),
    "paid_at": _("date of payment"),
    "completed_at": _("date of completion"),
    "number": _("number"),
    "storefront": _("what the storefront does not tell"),
}
OUTCOMES = {
    "created": _("was missing"),
    "changed": _("changed"),
    "unchanged": _("the same"),
    "skipped": _("no order of a shop"),
    "set_aside": _("set aside"),
    "not_told": _("not told wholly"),
}


def field_name(name: str) -> str:
    """Return what people call a field; the code of one that has no name."""
    return str(FIELDS.get(name, name))


def told(difference: Mapping[str, str]) -> str:
    """Say one difference: the field, and the two values or the problem where they are kept."""
    name = field_name(difference["field"])
    if "problem" in difference:
        return f"{name} ({difference['problem']})"
    before = difference.get("before", difference.get("here", ""))
    after = difference.get("after", difference.get("there", ""))
    return f"{name} ({before or '–'} → {after or '–'})" if before or after else name


def counts_told(counts: Mapping[str, int]) -> SafeString:
    """Say how many orders were found in which state, and how many differed in which field, a line each."""
    outcomes = [(str(OUTCOMES[name]), counts[name]) for name in OUTCOMES if name in counts]
    fields = [
        (field_name(name.removeprefix("field:")), number)
        for name, number in counts.items()
        if name.startswith("field:")
    ]
    return _lines(labelled(name, str(number)) for name, number in [*outcomes, *fields])


def orders_told(differences: Iterable[Mapping[str, object]]) -> SafeString:
    """Say of each order what became of it, a line each."""
    rows = []
    for each in differences:
        fields = each.get("fields")
        parts = [told(one) for one in fields] if isinstance(fields, list) else []
        outcome = str(each.get("outcome", ""))
        said = ", ".join([str(OUTCOMES.get(outcome, outcome)), *parts])
        rows.append(labelled(str(each.get("order")), said))
    return _lines(rows)


def _lines(texts: Iterable[str]) -> SafeString:
    return format_html_join("", "<div>{}</div>", ((text,) for text in texts))
