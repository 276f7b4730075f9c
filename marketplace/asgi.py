"""The door for ASGI servers."""

import os

from django.core.asgi import get_asgi_application

from marketplace.limits import limit_pages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

application = get_asgi_application()
limit_pages()
