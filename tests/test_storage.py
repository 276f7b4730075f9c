"""Originals in an S3-compatible storage, chosen by two settings."""

import json
import os
import subprocess
import sys

import pytest
from django.core.files.storage import storages

from orders.domain.invoicing import issue_invoice
from orders.domain.originals import OriginalDamaged, original_pdf
from orders.models.documents import document_storage
from tests.factories import NOON, make_order

pytest.importorskip("storages", reason="django-storages is not installed")
moto = pytest.importorskip("moto", reason="moto is not installed")
S3 = "storages.backends.s3.S3Storage"
BUCKET = {"bucket_name": "invoices", "region_name": "eu-west-3"}
READ = "import json; from django.conf import settings; print(json.dumps(settings.STORAGES['documents']))"


@pytest.fixture
def bucket(settings, monkeypatch):
    """An S3 of this process alone, which the setting names."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        settings.STORAGES = {
            **settings.STORAGES,
            "documents": {"BACKEND": S3, "OPTIONS": {**BUCKET, "file_overwrite": False}},
        }
        document_storage().bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
        yield document_storage().bucket


@pytest.fixture
def issued(vendor, bucket, monkeypatch):
    monkeypatch.setattr(
        "orders.domain.invoicing.invoice_pdf", lambda said: b"%PDF " + said["number"].encode()
    )
    return issue_invoice(make_order(vendor, status="processing"), by=None, at=NOON)


def test_two_variables_choose_the_storage():
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "DOCUMENT_STORAGE": S3,
        "DOCUMENT_STORAGE_OPTIONS": json.dumps({"bucket_name": "invoices", "file_overwrite": True}),
    }

    read = subprocess.run(
        [sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True
    )

    assert json.loads(read.stdout) == {
        "BACKEND": S3,
        "OPTIONS": {"default_acl": "private", "bucket_name": "invoices", "file_overwrite": False},
    }


def test_an_original_comes_back_from_the_bucket_byte_for_byte(issued, bucket):
    assert original_pdf(issued) == b"%PDF RDB-F2026-000001"
    assert [one.key for one in bucket.objects.all()] == [issued.pdf.name]


def test_what_lies_in_the_bucket_is_never_written_over(issued):
    name = storages["documents"].save(issued.pdf.name, storages["documents"].open(issued.pdf.name))

    assert name != issued.pdf.name


def test_what_is_gone_from_the_bucket_is_told(issued, bucket):
    bucket.objects.all().delete()

    with pytest.raises(OriginalDamaged, match="RDB-F2026-000001 is missing"):
        original_pdf(issued)
