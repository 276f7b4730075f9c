"""Print the matrix of ``tests/test_tenancy.py``: addresses × visitors × methods, with the answers.

``.venv/bin/python .ci/tenancy.py [FILE]`` writes it as Markdown. A cell lists the answers to GET HEAD
POST PUT PATCH DELETE OPTIONS; fails when one is empty.
"""

import os
import sys
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")


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
    empty = sum("| |" in line or "|  |" in line for line in lines)
    print(f"{len(lines) - 2} addresses, {empty} with an empty cell.", file=sys.stderr)
    return 1 if empty else 0


def matrix():
    """Yield the table's lines."""
    import logging

    from django.db import transaction
    from django.test import Client

    from tests import test_tenancy as t
    from tests.factories import make_vendor

    logging.disable(logging.CRITICAL)
    yield "| address | " + " | ".join(t.VISITORS) + " |"
    yield "|---" * (len(t.VISITORS) + 1) + "|"
    for name, route in t.PAGES:
        cells = []
        for who in t.VISITORS:
            with transaction.atomic():
                shops = t.shops.__wrapped__(make_vendor("rucher-des-baux"))
                found = t.answers(Client(raise_request_exception=False), who, name, route, *shops)
                transaction.set_rollback(True)
            cells.append(short([status for status, _target, _text in found.values()]))
        yield f"| `{route}` | " + " | ".join(cells) + " |"


def short(statuses: list[int]) -> str:
    """``[404, 404, 405]`` as ``404×2 405``, in the order of the methods."""
    runs = [(status, len(list(run))) for status, run in groupby(statuses)]
    return " ".join(f"{status}×{n}" if n > 1 else str(status) for status, n in runs)


if __name__ == "__main__":
    sys.exit(main())
