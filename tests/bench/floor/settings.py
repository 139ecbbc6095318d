"""Settings of the floor: no middleware, one table."""

from __future__ import annotations

import os

import environ

SECRET_KEY = "bench-floor"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["tests.bench.floor", "rest_framework"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "tests.bench.floor.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASE = environ.Env.db_url_config(os.environ["DATABASE_URL"])
DATABASES = {"default": DATABASE | {"OPTIONS": {"pool": {"min_size": 1, "max_size": 10}}}}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "PAGE_SIZE": 50,
    "UNAUTHENTICATED_USER": None,
}
