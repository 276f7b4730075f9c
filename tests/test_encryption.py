"""Secrets in the database: unreadable there, readable here, also after a rotation of keys."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from marketplace.encryption import SecretUnreadable, decrypt, encrypt, renew
from orders.models import Source
from tests.factories import NOON, make_source

SECRET = "clé-secrète-ж"


def test_an_encrypted_text_is_read_again():
    assert (decrypt(encrypt(SECRET)), SECRET in encrypt(SECRET), encrypt("")) == (SECRET, False, "")


def test_a_token_of_an_old_key_is_read_and_renewed(settings):
    settings.FIELD_ENCRYPTION_KEYS = ["old"]
    token = encrypt(SECRET)
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]
    renewed = renew(token)
    settings.FIELD_ENCRYPTION_KEYS = ["new"]

    assert decrypt(renewed) == SECRET
    with pytest.raises(SecretUnreadable, match="FIELD_ENCRYPTION_KEY"):
        decrypt(token)


def test_keys_come_from_the_secret_key_and_its_fallbacks(settings):
    token = encrypt(SECRET)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"

    assert decrypt(token) == SECRET


@pytest.mark.django_db
def test_the_database_holds_no_secret():
    source = make_source()
    source.rotate_secret(at=NOON, secret=SECRET)
    source.consumer_key = "ck_1"
    source.save()

    row = str(Source.objects.filter(pk=source.pk).values().get())
    stored = Source.objects.get(pk=source.pk)
    assert (SECRET in row, "ck_1" in row) == (False, False)
    assert (stored.secret, stored.consumer_key, stored.has_rest) == (SECRET, "ck_1", False)


@pytest.mark.django_db
def test_both_secrets_are_valid_while_a_rotation_overlaps():
    source = make_source()
    source.rotate_secret(at=NOON, secret="first")

    second = source.rotate_secret(at=NOON)

    assert source.valid_secrets(NOON) == [second, "first"]
    assert source.valid_secrets(source.previous_secret_until) == [second]


@pytest.mark.django_db
def test_asked_twice_for_a_new_secret_the_one_that_the_storefront_knows_stays_valid():
    source = make_source()
    source.rotate_secret(at=NOON, secret="first")
    twice = Source.objects.get()  # another worker's answer to the second click

    second = source.rotate_secret(at=NOON)
    third = twice.rotate_secret(at=NOON)

    assert twice.valid_secrets(NOON) == [third, second, "first"]
    assert twice.valid_secrets(twice.previous_secret_until) == [third]


@pytest.mark.django_db
def test_a_new_secret_is_made_also_where_the_old_one_cannot_be_read_any_more(settings):
    source = make_source()
    source.rotate_secret(at=NOON, secret="first")
    settings.FIELD_ENCRYPTION_KEYS = ["another"]

    second = source.rotate_secret(at=NOON)

    assert source.valid_secrets(NOON) == [second]


@pytest.mark.django_db
def test_secrets_are_encrypted_anew_with_the_first_key(settings):
    settings.FIELD_ENCRYPTION_KEYS = ["old"]
    source = make_source()
    source.rotate_secret(at=NOON, secret=SECRET)
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]

    call_command("renew_secrets", stdout=StringIO())

    settings.FIELD_ENCRYPTION_KEYS = ["new"]
    assert Source.objects.get().secret == SECRET


@pytest.mark.django_db
def test_a_lost_key_is_said_and_changes_nothing(settings):
    make_source().rotate_secret(at=NOON, secret=SECRET)
    settings.FIELD_ENCRYPTION_KEYS = ["other"]

    with pytest.raises(CommandError, match="naturalconect: .* Nothing was changed"):
        call_command("renew_secrets")
