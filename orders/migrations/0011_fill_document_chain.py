"""Chain the documents that were issued before there was a chain, series by series."""

import hashlib
import json
from itertools import groupby

from django.db import migrations

FIRST = "0" * 64


def chain_hash(document, previous):
    said = {
        "previous": previous,
        "number": document.number,
        "issued_on": document.issued_on.isoformat(),
        "pdf": document.sha256,
        "snapshot": document.snapshot,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def chain(apps, schema_editor):
    """The triggers that refuse changes go for this one; they are made again after every migration."""
    documents = apps.get_model("orders", "Document").objects.order_by("vendor_id", "kind", "year", "sequence")
    if not documents.exists():
        return
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER IF EXISTS orders_document_no_update")
    else:
        schema_editor.execute("DROP TRIGGER IF EXISTS orders_document_append_only ON orders_document")
    for _series, members in groupby(documents.iterator(), key=lambda d: (d.vendor_id, d.kind, d.year)):
        previous = FIRST
        for document in members:
            now = chain_hash(document, previous)
            documents.filter(pk=document.pk).update(previous_hash=previous, chain_hash=now)
            previous = now


class Migration(migrations.Migration):

    dependencies = [
        ("orders", "0010_credit_notes"),
    ]

    operations = [migrations.RunPython(chain, migrations.RunPython.noop)]
