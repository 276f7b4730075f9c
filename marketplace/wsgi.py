"""The door for WSGI servers (gunicorn)."""

import os

from django.core.wsgi import get_wsgi_application

from marketplace.frames import with_room
from marketplace.limits import limit_pages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

application = with_room(get_wsgi_application())
limit_pages()
