"""The service's own settings, with secrets and an account that only tests have."""

from __future__ import annotations

import base64
import os

os.environ.setdefault("SECRET_KEY", "tests-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ")
os.environ.setdefault(
    "TOKEN_KEYS",
    ",".join(
        f"{name}:{base64.b64encode(bytes(range(first, first + 32))).decode()}"
        for name, first in (("k2", 40), ("k1", 7))
    ),
)
os.environ.setdefault("AWS_ACCESS_KEY_ID", "tests")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "tests")
os.environ.setdefault("AWS_REGION", "us-east-1")
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ.setdefault(
    "AWS_ENDPOINT_URL", "http://127.0.0.1:9"
)  # nothing listens: a test names its own
os.environ.setdefault("CELERY_BROKER_URL", "memory://")
os.environ.setdefault("API_RATE_PER_MINUTE", "0")  # a test of the limit sets its own
os.environ.setdefault("ALLOWED_HOSTS", "testserver,127.0.0.1,localhost")

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MAIL_IS_SENT = True
# Each test client makes its own middleware, and must not read the whole of static/ for it.
WHITENOISE_AUTOREFRESH = True
LIVE_HINTS = False  # a test of them turns them on: each process keeps a connection for them
