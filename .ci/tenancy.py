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
    yield from table(t.VISITORS, t.PAGES, two_shops, of_shop)
    others = [(name, route) for name, route in t.ROUTES.items() if name in t.OTHER_PAGES]
    yield from table(OTHERS, others, two_shops, of_anybody)
    yield from table(OTHERS, office.OFFICE.items(), rows_of_the_office, of_office)


def two_shops():
    """Make our shop, with a row of each kind, and a neighbour."""
    from tests.factories import make_vendor
    from tests.test_tenancy import shops

    return shops.__wrapped__(make_vendor("rucher-des-baux"))


def rows_of_the_office():
    """Make two shops, and a row for every list of the office."""
    from tests.factories import make_vendor
    from tests.test_office_lists import one_more

    one_more(1)
    return make_vendor("rucher-des-baux"), make_vendor("miel-et-cie")


def table(visitors, pages, prepare, ask):
    """Yield one table: each cell what ``ask`` found, undone before the next is asked."""
    from django.db import transaction

    yield "| address | " + " | ".join(visitors) + " |"
    yield "|---" * (len(visitors) + 1) + "|"
    with transaction.atomic():
        both = prepare()
        for name, route in pages:
            cells = []
            for who in visitors:
                with transaction.atomic():
                    cells.append(short(ask(who, name, route, both)))
                    transaction.set_rollback(True)
            yield f"| `{route}` | " + " | ".join(cells) + " |"
        transaction.set_rollback(True)
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
    """The answers to a visitor of the office, of whose lists each has a row."""
    from tests.test_office_doors import url_of

    return asked(who, url_of(name, route), both)


def asked(who, url, both):
    """What each method answers to a person of ``OTHERS``."""
    from django.contrib.auth.models import Permission
    from django.test import Client

    from tests import test_tenancy as t

    person = t.visitor(who.removesuffix(" that looks"), *both)
    if who.endswith("looks"):
        person.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    found = t.by_method(Client(raise_request_exception=False), person, url)
    return [status for status, _target, _text in found.values()]


def short(statuses: list[int]) -> str:
    """``[404, 404, 405]`` as ``404×2 405``, in the order of the methods."""
    runs = [(status, len(list(run))) for status, run in groupby(statuses)]
    return " ".join(f"{status}×{n}" if n > 1 else str(status) for status, n in runs)


if __name__ == "__main__":
    sys.exit(main())
