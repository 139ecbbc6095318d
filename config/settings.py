"""Django's settings for every environment; values come from environment variables (`config.env`).

The defaults are those of production: DEBUG off, secrets required. The database is PostgreSQL.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import celery_settings, database_connections
from config import env as environment
from config import logging as logs
from config.api_settings import *  # noqa: F403
from config.celery_settings import *  # noqa: F403
from config.env import env, key_ring, required, secret
from config.retention_settings import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = environment.DEBUG

# --- secrets and addresses

#: Django's key, which signs sessions and links: 50 random characters or more.
SECRET_KEY = secret("SECRET_KEY", minimum=50, debug="debug-only-" + "0123456789abcdef" * 4)
#: The key ring that seals task tokens, messages and webhook secrets: `id:base64 of 32 bytes[,id:...]`.
#: The first key seals, all of them open.
TOKEN_KEYS = key_ring("TOKEN_KEYS", debug="debug:ZGVidWctb25seS0wMTIzNDU2Nzg5YWJjZGVmZ2hpams=")
#: Where people reach the desk. `https` turns on secure cookies, HSTS and the redirect, and trusts a
#: proxy's `X-Forwarded-Proto`.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
HTTPS = urlsplit(PUBLIC_URL).scheme == "https"
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or ""
#: The host names of the service, comma-separated. Default: the host of `PUBLIC_URL`.
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[PUBLIC_HOST])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# --- applications

INSTALLED_APPS = [
    "approvals",
    "django.contrib.admin.apps.SimpleAdminConfig",  # no autodiscovery: only the pages of approvals.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "heroicons",
    "knox",
    "rest_framework",
]

# All of them add 1,000 microseconds of CPU to a request (OPTIONS, 330 without any). The numbers are what
# each adds alone; where none stands it is under 20, less than can be measured.
MIDDLEWARE = [
    "approvals.web.middleware.probes",  # first, because probes know neither our host nor https
    "approvals.web.middleware.compression",  # and 10 for each KB that it compresses
    "approvals.api.middleware.problems",  # around all that refuse below
    "approvals.web.middleware.cookies",  # before anything reads them
    "django_prometheus.middleware.PrometheusBeforeMiddleware",  # counts what ends below, too
    "django.middleware.security.SecurityMiddleware",  # https, HSTS, nosniff
    "whitenoise.middleware.WhiteNoiseMiddleware",  # there is no other server of files
    "django.contrib.sessions.middleware.SessionMiddleware",  # without a cookie no statement
    "django.middleware.common.CommonMiddleware",  # slashes, Content-Length
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",  # without a session no statement
    "approvals.web.middleware.clients",  # tells the server which sessions are valid
    "django.contrib.messages.middleware.MessageMiddleware",  # 40
    "django.middleware.clickjacking.XFrameOptionsMiddleware",  # for browsers without frame-ancestors
    "csp.middleware.CSPMiddleware",  # 100
    "allauth.account.middleware.AccountMiddleware",  # allauth requires it
    "django_htmx.middleware.HtmxMiddleware",
    "approvals.web.middleware.RequestLog",  # 340
    "django_prometheus.middleware.PrometheusAfterMiddleware",  # 155; counters by view and status
]
# One log line a request, when it ends; the one at its start adds only the User-Agent.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,  # `approvals` is the first app, so its account pages replace allauth's
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "approvals.web.context_processors.frame",
            ],
            "builtins": ["approvals.templatetags.bounded_filters", "approvals.templatetags.urls"],
        },
    },
]

FORM_RENDERER = "approvals.web.form_renderer.FormRenderer"

# --- PostgreSQL, the only database

#: The database, PostgreSQL 15 or newer: `postgres://user:password@host:5432/name`.
DATABASE_URL = required("DATABASE_URL", example="postgres://user:password@host:5432/countersign")
if not DATABASE_URL.startswith(("postgres://", "postgresql://")):  # else environ prints the URL
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database (postgres://...)")
try:
    DATABASE = environ.Env.db_url_config(DATABASE_URL)
except (ValueError, KeyError):
    raise ImproperlyConfigured("DATABASE_URL is not a database's URL") from None
#: How many connections the threads of one process share; 0: one connection for each thread.
#: Default: `10` in web processes, `0` in the others.
POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=0)
#: Whether PostgreSQL keeps the plans of statements that are sent often, which it does not do in any case behind a
#: pgbouncer or another proxy.
PREPARED_STATEMENTS = env.bool("DATABASE_PREPARED_STATEMENTS", default=True)
#: Whether changes of reviews are told to open pages of the desk at once, by NOTIFY; else pages ask now and then.
LIVE_HINTS = env.bool("LIVE_HINTS", default=True)
LIVE_CHANNEL = "countersign_desk"  # of NOTIFY
#: The database's own address where DATABASE_URL is that of a pgbouncer, which passes no NOTIFY on.
#: Default: that of `DATABASE_URL`.
LISTEN_DATABASE_URL = env.str("LISTEN_DATABASE_URL", default="") or DATABASE_URL
DATABASE["OPTIONS"] = {
    **DATABASE.get("OPTIONS", {}),
    "connect_timeout": 5,
    "prepare_threshold": 1 if PREPARED_STATEMENTS else None,
    # An action takes milliseconds; one that takes longer is a fault and must not keep a row lock.
    # Only a migration has no time limit once it has its lock. While it waits for one, all later
    # transactions wait behind it, so it gives up much sooner than they do.
    "options": "-c idle_in_transaction_session_timeout=60000 "
    + (
        "-c lock_timeout=3000"
        if "migrate" in sys.argv
        else "-c lock_timeout=10000 -c statement_timeout=30000"
    ),
}
if POOL_SIZE:
    pool = {"min_size": 1, "max_size": POOL_SIZE, "timeout": 10}
    DATABASE["OPTIONS"]["pool"] = pool | {"connection_class": database_connections.Connection}
DATABASE["CONN_HEALTH_CHECKS"] = True  # no dead connection from the pool after a restart
DATABASES = {"default": DATABASE}
#: Only for `migrate`, whose `DATABASE_URL` is then that of the tables' owner: the URL that the processes have.
#: Its role is created, or gets its password and rights: rows, and no change of the audit trail.
#: Default: none, no role is created.
APPLICATION_DATABASE_URL = env.str("APPLICATION_DATABASE_URL", default="")
ATOMIC_REQUESTS = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Nothing is cached, and no guard may rest on a cache, which forgets when it is full: counters are rows.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

# --- people

AUTH_USER_MODEL = "approvals.User"
# allauth would count in the cache; `approvals.web.sign_in_attempts` counts in PostgreSQL.
ACCOUNT_RATE_LIMITS = False
ACCOUNT_FORMS = {
    "login": "approvals.web.account_forms.LoginForm",
    "reauthenticate": "approvals.web.account_forms.ReauthenticateForm",
    "reset_password": "approvals.web.account_forms.ResetPasswordForm",
    "user_token": "approvals.web.account_forms.UserTokenForm",
}
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "approvals.web.account_adapter.ClosedAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
SESSION_ENGINE = "approvals.web.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # the mail would name a sign-up page, which is not there
# A proxy that ends TLS appends the client's address; anything before it comes from the client.
#: How many proxies of ours append to `X-Forwarded-For`; a CDN before a load balancer makes two.
#: Default: `1` if `PUBLIC_URL` is https, else `0`.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=1 if HTTPS else 0)
# Without a mail server, production sends no mail: a printed one would put a valid link in the log.
#: The server of outgoing mail (password resets): `smtp+tls://user:password@host:587`.
#: Default: none, no mail is sent and an operator hands out links (with `DEBUG`: the console).
MAIL_IS_SENT = DEBUG or bool(env.str("EMAIL_URL", default=""))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = f"Countersign <no-reply@{PUBLIC_HOST}>"
vars().update(env.email("EMAIL_URL", default="consolemail://" if DEBUG else "dummymail://"))

# --- what is kept, and how long: config/retention_settings, docs/privacy.md

#: Days that a new API token is valid; 0: until it is revoked.
API_TOKEN_DAYS = env.int("API_TOKEN_DAYS", default=365)
if API_TOKEN_DAYS < 0:
    raise ImproperlyConfigured("API_TOKEN_DAYS is a number of days, 0 for no end")

# --- cookies and response headers

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-countersign" if HTTPS else "countersign"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
DEVICE_COOKIE_NAME = "__Host-devices" if HTTPS else "devices"  # of approvals.web.sign_in_attempts
DEVICE_COOKIE_AGE = 365 * 24 * 60 * 60
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^metrics$"]
if HTTPS:  # an https PUBLIC_URL means that a proxy ends TLS and sets this header
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

#: A second port of the web process, on the address `HOST`, for `/healthz/live`, `/healthz/ready` and
#: `/metrics`. They are answered there although all threads are busy, and `/metrics` only there. Default:
#: none, all three are answered on `PORT`, and `/metrics` to requests without `X-Forwarded-For`.
PROBE_PORT = env.int("PROBE_PORT", default=0)

# --- languages, time, files

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "static/"
# Made by collectstatic in the image, with names that hold a hash and are kept by browsers for good. An
# installation from source has none, nor one that was collected by a release without a manifest.
COLLECTED = BASE_DIR / "staticfiles"
IS_COLLECTED = (COLLECTED / "staticfiles.json").is_file() or "collectstatic" in sys.argv
STATIC_ROOT = COLLECTED if IS_COLLECTED else None
WHITENOISE_USE_FINDERS = not IS_COLLECTED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": f"whitenoise.storage.Compressed{'Manifest' * IS_COLLECTED}StaticFilesStorage"
    },
}

# --- the API

#: Requests per minute of one API token or webhook secret, or of one address without a valid one; a
#: sixth of them, at least 20, may come at once. 0: no limit.
API_RATE_PER_MINUTE = env.int("API_RATE_PER_MINUTE", default=1200)
if API_RATE_PER_MINUTE < 0:
    raise ImproperlyConfigured("API_RATE_PER_MINUTE is a number of requests, 0 for no limit")

# --- AWS and Celery

#: The region of the account. `AWS_DEFAULT_REGION` is read if `AWS_REGION` is not set.
#: Default: `us-east-1`.
AWS_REGION = env.str("AWS_REGION", default=env.str("AWS_DEFAULT_REGION", default="us-east-1"))
#: One address for all calls to AWS, such as that of the local account. Default: none, AWS's own.
AWS_ENDPOINT_URL: str | None = env.str("AWS_ENDPOINT_URL", default="") or None
#: The ARN of the order workflow, or of a version or alias of it (the stack's `StateMachineAliasArn`).
#: Default: none, orders are refused.
ORDER_FULFILLMENT_STATE_MACHINE_ARN = env.str("ORDER_FULFILLMENT_STATE_MACHINE_ARN", default="")
#: How many requests `POST orders/` of one web process may wait for their execution at a time, up to 3 s
#: each; the others are answered 202 at once. 0: none waits.
ORDER_STARTS_AWAITED = env.int("ORDER_STARTS_AWAITED", default=8)
#: The DynamoDB table in which the workflow keeps each order's status. Default: none, it is not shown.
ORDER_STATUS_TABLE = env.str("ORDER_STATUS_TABLE", default="")
#: The ARN of the workflow of the mode `batches`. Default: none, that mode is refused.
ORDER_BATCH_STATE_MACHINE_ARN = env.str("ORDER_BATCH_STATE_MACHINE_ARN", default="")
#: The ARN of the workflow of the mode `map`. Default: none, that mode is refused.
DAILY_ORDERS_STATE_MACHINE_ARN = env.str("DAILY_ORDERS_STATE_MACHINE_ARN", default="")
#: The buckets that `POST order-batches/` may read from, comma-separated; the inputs of a Distributed
#: Map are stored in the first one. Default: none.
ORDER_BUCKETS = env.list("ORDER_BUCKETS", default=[])
#: Executions that the account may start per second, if AWS has changed its quota.
#: Default: `0`, the default quota of the region.
EXECUTION_STARTS_PER_SECOND = env.float("EXECUTION_STARTS_PER_SECOND", default=0.0)
#: The SQS queue of executions' status events. Default: none, executions are described now and then.
STATUS_EVENTS_QUEUE_URL = env.str("STATUS_EVENTS_QUEUE_URL", default="")
#: The SQS queue of wake-ups, if SQS is the broker. Default: none.
CELERY_QUEUE_URL = env.str("CELERY_QUEUE_URL", default="")
#: The broker of wake-ups: SQS, or an address such as `redis://host:6379/0`.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="sqs://")
CELERY_BROKER_TRANSPORT_OPTIONS = celery_settings.transport_options(
    CELERY_BROKER_URL, CELERY_QUEUE_URL, region=AWS_REGION, endpoint_url=AWS_ENDPOINT_URL
)

# --- logs: one JSON line per event, on standard error

LOGGING_CONFIG = None
#: The lowest level that is logged: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
logs.configure(level=env.str("LOG_LEVEL", default="INFO").upper(), console=DEBUG)
