"""Print who gets what: addresses × visitors × methods, with the answers, of shops, accounts and office.

The visitors and addresses are those of ``tests/test_tenancy.py`` and ``tests/test_office_doors.py``.

``.venv/bin/python .ci/tenancy.py [FILE]`` writes it as Markdown. A cell lists the answers to GET HEAD
POST PUT PATCH DELETE OPTIONS; fails when one is empty.
"""

import os
import re
import sys
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")


# Visitors of what is no page of a shop.
OTHERS = ["anonymous", "stranger", "member owner", "staff", "staff that looks", "superuser"]


def main() -> int:
    import django
    from django.conf import settings
    from django.test.runner import DiscoverRunner
    from django.test.utils import setup_test_environment

    django.setup()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    setup_test_environment()
    runner = DiscoverRunner(verbosity=0)
    databases = runner.setup_databases()
    try:
        lines = list(matrix())
    finally:
        runner.teardown_databases(databases)
    text = "\n".join(lines) + "\n"
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text)
    else:
        print(text)
    rows = [line for line in lines if line.startswith("| `")]
    empty = sum("| |" in line or "|  |" in line for line in rows)
    print(f"{len(rows)} addresses, {empty} with an empty cell.", file=sys.stderr)
    return 1 if empty else 0


def matrix():
    """Yield the tables' lines: pages of a shop, all others but the office's, the office."""
    import logging

    from tests import test_office_doors as office
    from tests import test_tenancy as t

    logging.disable(logging.CRITICAL)
    yield from table(t.VISITORS, t.PAGES, of_shop)
    others = [(name, route) for name, route in t.ROUTES.items() if name in t.OTHER_PAGES]
    yield from table(OTHERS, others, of_anybody)
    yield from table(OTHERS, office.OFFICE.items(), of_office)


def table(visitors, pages, ask):
    """Yield one table: each cell what ``ask`` found, with every row undone."""
    from django.db import transaction

    from tests.factories import make_vendor
    from tests.test_tenancy import shops

    yield "| address | " + " | ".join(visitors) + " |"
    yield "|---" * (len(visitors) + 1) + "|"
    for name, route in pages:
        cells = []
        for who in visitors:
            with transaction.atomic():
                found = ask(who, name, route, shops.__wrapped__(make_vendor("rucher-des-baux")))
                transaction.set_rollback(True)
            cells.append(short(found))
        yield f"| `{route}` | " + " | ".join(cells) + " |"
    yield ""


def of_shop(who, name, route, both):
    """The answers to a visitor of a shop's page, by method."""
    from django.test import Client

    from tests import test_tenancy as t

    found = t.answers(Client(raise_request_exception=False), who, name, route, *both)
    return [status for status, _target, _text in found.values()]


def of_anybody(who, name, route, both):
    """The answers to a visitor of an address that is no shop's; patterns are filled with 1."""
    url = "/" + re.sub(r"\([^)]*\)|<[^>]+>", "1", re.sub(r"[$^]", "", route))
    return asked(who, url, both)


def of_office(who, name, route, both):
    """The answers to a visitor of the office, which has a row of each kind."""
    from tests.test_office_doors import url_of
    from tests.test_office_lists import one_more

    one_more(1)
    return asked(who, url_of(name, route), both)


def asked(who, url, both):
    """What each method answers to a person of ``OTHERS``."""
    from django.contrib.auth.models import Permission
    from django.db import transaction
    from django.test import Client

    from tests import test_tenancy as t

    person = t.visitor(who.removesuffix(" that looks"), *both)
    if who.endswith("looks"):
        person.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    found = []
    for method in t.METHODS:
        client = Client(raise_request_exception=False)
        if person:
            client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        with transaction.atomic():
            found.append(client.generic(method, url).status_code)
            transaction.set_rollback(True)
    return found


def short(statuses: list[int]) -> str:
    """``[404, 404, 405]`` as ``404×2 405``, in the order of the methods."""
    runs = [(status, len(list(run))) for status, run in groupby(statuses)]
    return " ".join(f"{status}×{n}" if n > 1 else str(status) for status, n in runs)


if __name__ == "__main__":
    sys.exit(main())
