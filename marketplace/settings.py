"""Comptoir's settings: every variable is read here, once.

Without any variable this is a development set-up on SQLite; ``DEBUG=False`` asks for a
``SECRET_KEY`` and turns every protection of a public site on. ``DEMO=True`` shows a visitor of
this machine the product as it is, without the pages that help developers.
"""

from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from marketplace import environment as env
from marketplace.languages import languages

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))

DEMO = env.flag("DEMO", False)
DEBUG = env.flag("DEBUG", not DEMO)
IS_AT_HOME = DEBUG or DEMO  # on this machine alone: no TLS, no secrets
SECRET_KEY = env.text("SECRET_KEY")
if not SECRET_KEY:
    if not IS_AT_HOME:
        raise ImproperlyConfigured("SECRET_KEY is missing: with DEBUG=False a long random text is needed.")
    SECRET_KEY = "development-only-" + "0123456789" * 5
if not IS_AT_HOME and env.is_weak(SECRET_KEY):
    raise ImproperlyConfigured(
        "SECRET_KEY is weak: it needs at least 50 characters, 20 of them different, "
        "and must not come from an example."
    )
FIELD_ENCRYPTION_KEYS = env.words("FIELD_ENCRYPTION_KEY", "")
if not IS_AT_HOME and FIELD_ENCRYPTION_KEYS and env.is_short(FIELD_ENCRYPTION_KEYS[0]):
    raise ImproperlyConfigured(
        "FIELD_ENCRYPTION_KEY is weak: its first key needs at least 43 characters (32 random bytes), "
        "15 of them different. An older one may follow it until its secrets are renewed."
    )
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver" if IS_AT_HOME else "")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", "")
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
BEHIND_TLS_PROXY = env.flag("BEHIND_TLS_PROXY", False)
TRUSTED_PROXIES = env.whole("TRUSTED_PROXIES", int(BEHIND_TLS_PROXY))  # of ours, in X-Forwarded-For

# The marketplace
MARKETPLACE_NAME = env.text("MARKETPLACE_NAME", "naturalconect")
COMMISSION_RATE = env.decimal("COMMISSION_RATE", "0.10", most="1")
COMMISSION_BASE = env.choice("COMMISSION_BASE", "net", ("net", "gross", "gross_with_shipping"))
COMMISSION_VAT_RATE = env.decimal("COMMISSION_VAT_RATE", "0", most="1")
COMMISSION_FIXED = env.decimal("COMMISSION_FIXED", "0")
COMMISSION_ORDER_FEE = env.decimal("COMMISSION_ORDER_FEE", "0")
SHIPPING_BELONGS_TO = env.choice("SHIPPING_BELONGS_TO", "vendor", ("vendor", "marketplace"))
FEES_BELONG_TO = env.choice("FEES_BELONG_TO", "vendor", ("vendor", "marketplace"))

CUSTOMER_MAILS = env.flag("CUSTOMER_MAILS", True)
PENDING_EXPIRES_DAYS = env.whole("PENDING_EXPIRES_DAYS", 7)
PERSONAL_DATA_KEPT_DAYS = env.whole("PERSONAL_DATA_KEPT_DAYS", 1095)
AUDIT_KEPT_DAYS = env.whole("AUDIT_KEPT_DAYS", 365, least=180)
DELIVERIES_KEPT_DAYS = env.whole("DELIVERIES_KEPT_DAYS", 30)

# Storefronts that are asked by their REST API
STOREFRONT_PAUSE = env.decimal("STOREFRONT_PAUSE", "0.25", most="60")
STOREFRONT_PRIVATE_ADDRESSES = env.flag("STOREFRONT_PRIVATE_ADDRESSES", DEBUG)

INSTALLED_APPS = [
    "vendors.apps.VendorsConfig",
    "orders.apps.OrdersConfig",
    "marketplace.apps.MarketplaceConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.humanize",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "django_tasks",
    "marketplace.apps.QueueConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "marketplace.machines.MachinesMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "marketplace.headers.HeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "vendors.language.PersonLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "vendors.devices.DeviceMiddleware",
    "vendors.second_factor.SecondFactorMiddleware",
    "marketplace.replica.ReplicaMiddleware",
    "marketplace.unreadable.UnreadableMiddleware",
    "marketplace.methods.MethodsMiddleware",
]

ROOT_URLCONF = "marketplace.urls"
WSGI_APPLICATION = "marketplace.wsgi.application"
ASGI_APPLICATION = "marketplace.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "marketplace.context.marketplace",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "marketplace.templatetags.display",
            ],
        },
    },
    {  # what is repeated most on a page: the rows of the order list
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"trim_blocks": True, "lstrip_blocks": True},
    },
]

# Database: SQLite in var/ unless DATABASE_URL names PostgreSQL
DATABASES = {
    "default": dj_database_url.parse(
        env.text("DATABASE_URL", f"sqlite:///{VAR_DIR / 'comptoir.sqlite3'}"),
        conn_max_age=600,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: a number that was given is given still after a power cut. Recursive: REPLACE is a
            # deletion too, which the triggers of what is only added to must see.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON;",
        }
    )
elif DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///.")
if replica := env.text("DATABASE_REPLICA_URL"):
    DATABASES["replica"] = {
        **dj_database_url.parse(replica, conn_max_age=600, conn_health_checks=True),
        "TEST": {"MIRROR": "default"},
    }
    if any(each["ENGINE"] != "django.db.backends.postgresql" for each in DATABASES.values()):
        raise ImproperlyConfigured("DATABASE_REPLICA_URL and DATABASE_URL must both begin with postgres://.")
    DATABASES["replica"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 2)
    DATABASE_ROUTERS = ["marketplace.replica.ReplicaRouter"]
PAGE_SECONDS = env.whole("PAGE_SECONDS", 15)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "vendors.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "vendors.passwords.FrenchPasswords"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "vendors.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True  # never sent: vendors.accounts does the same work for both
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    # The key is account and network (vendors.accounts): a stranger elsewhere locks nobody out, and
    # one network alone comes nowhere near UNKNOWN_DEVICES_LIMIT.
    "login_failed": "20/m/ip,5/5m/key,10/h/key",
    "reset_password": "20/m/ip",  # a limit, no password  # nosec B105
}
ACCOUNT_FORMS = {"reset_password": "vendors.account_forms.ResetPasswordForm"}  # no password  # nosec B105
RESET_MAILS_LIMIT = "5/10m/key"  # links mailed to one address; beyond it those that were sent go on working
UNKNOWN_DEVICES_LIMIT = "50/h/key"  # failures for one account from devices that never signed in to it
MFA_ADAPTER = "vendors.second_factor.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "vendors.second_factor_forms.AuthenticateForm",
    "reauthenticate": "vendors.second_factor_forms.ReauthenticateForm",
    "authenticate_webauthn": "vendors.second_factor_forms.AuthenticateWebAuthnForm",
    "edit_webauthn": "vendors.second_factor_forms.EditWebAuthnForm",
    "add_webauthn": "vendors.second_factor_forms.AddWebAuthnForm",
    "login_webauthn": "vendors.second_factor_forms.LoginWebAuthnForm",
    "reauthenticate_webauthn": "vendors.second_factor_forms.ReauthenticateWebAuthnForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IS_AT_HOME
MFA_TOTP_ISSUER = MARKETPLACE_NAME
SECOND_FACTOR = env.choice("SECOND_FACTOR", "optional", ("optional", "staff", "staff-and-owners"))
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

# Attempts are counted where all processes see them
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "marketplace_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# Languages, time
LANGUAGE_CODE = "fr"
LOCALE_PATHS = [BASE_DIR / "marketplace" / "locale"]
LANGUAGES = languages(LOCALE_PATHS[0], first=LANGUAGE_CODE)
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "Europe/Paris")

# Files
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
if IS_AT_HOME:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = IS_AT_HOME
MEDIA_ROOT = VAR_DIR / "media"
# Issued originals: any of Django's storages; one of objects must never write over a file
DOCUMENT_STORAGE = env.text("DOCUMENT_STORAGE", "django.core.files.storage.FileSystemStorage")
DOCUMENT_STORAGE_OPTIONS = env.options("DOCUMENT_STORAGE_OPTIONS")
if DOCUMENT_STORAGE.endswith(".FileSystemStorage"):
    DOCUMENT_STORAGE_OPTIONS = {
        "location": str(VAR_DIR / "documents"),
        "base_url": None,
        **DOCUMENT_STORAGE_OPTIONS,
    }
elif DOCUMENT_STORAGE.startswith("storages.backends.s3."):
    DOCUMENT_STORAGE_OPTIONS = {
        "default_acl": "private",
        **DOCUMENT_STORAGE_OPTIONS,
        "file_overwrite": False,
    }
DOCUMENT_SECONDS = env.whole("DOCUMENT_SECONDS", 60, least=1)
# Files made for a download, forgotten after a day; web and worker both reach them
DOWNLOAD_STORAGE = env.text("DOWNLOAD_STORAGE", "django.core.files.storage.FileSystemStorage")
DOWNLOAD_STORAGE_OPTIONS = env.options("DOWNLOAD_STORAGE_OPTIONS")
if DOWNLOAD_STORAGE.endswith(".FileSystemStorage"):
    DOWNLOAD_STORAGE_OPTIONS = {
        "location": str(VAR_DIR / "downloads"),
        "base_url": None,
        **DOWNLOAD_STORAGE_OPTIONS,
    }
elif DOWNLOAD_STORAGE.startswith("storages.backends.s3."):
    DOWNLOAD_STORAGE_OPTIONS = {"default_acl": "private", **DOWNLOAD_STORAGE_OPTIONS}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "documents": {"BACKEND": DOCUMENT_STORAGE, "OPTIONS": DOCUMENT_STORAGE_OPTIONS},
    "downloads": {"BACKEND": DOWNLOAD_STORAGE, "OPTIONS": DOWNLOAD_STORAGE_OPTIONS},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_AT_HOME
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Mail: to var/mails in development, by SMTP where EMAIL_HOST is set
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.whole("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 20
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend" if EMAIL_HOST else "marketplace.mail.EmlFileBackend"
)
EMAIL_FILE_PATH = VAR_DIR / "mails"
CONTACT_EMAIL = env.text("CONTACT_EMAIL")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"{MARKETPLACE_NAME} <comptoir@localhost>")

# The worker's queue: rows in the database, in the caller's transaction
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
EVERY_MINUTE = ["orders.exports.figures.settle_all"]  # what a worker does besides

# Protection
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 86_400
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000  # bytes of a form
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_HANDLERS = [
    "marketplace.uploads.LimitedUploads",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
if not IS_AT_HOME:
    SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS_PROXY else None
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^webhooks/"]
    SECURE_HSTS_SECONDS = env.whole("SECURE_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_NAME = "__Host-session"  # the browser refuses one set by a neighbouring host
    CSRF_COOKIE_NAME = "__Host-csrf"
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "marketplace.logs.WithoutWords" if not DEBUG else "logging.Formatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "filters": {
        "refusals_in_one_line": {"()": "marketplace.logs.RefusalsInOneLine"},
        "secrets_in_no_address": {"()": "marketplace.logs.SecretsInNoAddress"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["secrets_in_no_address"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "django.request": {"filters": ["refusals_in_one_line"], "level": "WARNING"},
        "django_tasks": {"level": "INFO"},
        "weasyprint": {"level": "ERROR"},
        "fontTools": {"level": "ERROR"},
    },
}
