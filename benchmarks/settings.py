"""The product's settings as production runs, and the bare view beside the product's pages."""

from marketplace.settings import *  # noqa: F403
from marketplace.settings import BASE_DIR, TEMPLATES

ROOT_URLCONF = "bare"
TEMPLATES[0]["DIRS"].append(BASE_DIR / "benchmarks" / "templates")
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "sessionid", "csrftoken"  # the others ask for TLS
