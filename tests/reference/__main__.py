"""`make reference`: write the reference pages. It needs no database and no settings."""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
django.setup()

from tests.paths import ROOT  # noqa: E402
from tests.reference import pages  # noqa: E402  (models are imported after the setup)

for path, text in pages.all_pages().items():
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        sys.stdout.write(f"{path.relative_to(ROOT)} is written\n")
