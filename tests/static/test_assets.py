"""What the browser is given: built, complete, from nowhere else, and with its licences."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.http import HttpResponse
from django.templatetags.static import static
from django.test import RequestFactory
from pytest_django.fixtures import Settings
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

STATIC = settings.BASE_DIR / "approvals/static/approvals"
TEMPLATES = settings.BASE_DIR / "approvals/templates"
SOURCES = [
    *STATIC.rglob("*.svg"),
    STATIC / "app.css",
    STATIC / "desk.js",
    *TEMPLATES.rglob("*.html"),
]


def test_nothing_comes_from_another_host() -> None:
    for path in SOURCES:
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text())
        known = {"http://www.w3.org", "//www.w3.org", "https://tailwindcss.com"}
        assert set(addresses) <= known, path


def test_every_file_the_stylesheet_names_is_there() -> None:
    css = (STATIC / "app.css").read_text()
    for name in set(re.findall(r"url\(([^)]+)\)", css)):
        address = name.strip("\"'")
        if not address.startswith("data:"):
            assert (STATIC / address).is_file(), address


def test_every_static_file_a_template_names_is_there() -> None:
    for path in TEMPLATES.rglob("*.html"):
        for name in re.findall(r"{% static '([^']+)' %}", path.read_text()):
            assert finders.find(name), f"{path.name}: {name}"


def test_the_budget_of_a_page_holds() -> None:
    assert len(gzip.compress((STATIC / "app.css").read_bytes())) < 20_000
    assert len(gzip.compress((STATIC / "desk.js").read_bytes())) < 8_000
    scripts = [STATIC / name for name in ("desk.js", "live.js", "split.js")]
    scripts.append(Path(finders.find("django_htmx/htmx-2.min.js") or ""))
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) < 60_000
    assert sum(font.stat().st_size for font in STATIC.glob("fonts/*")) < 100_000


@pytest.mark.django_db  # a response that is closed ends old connections
def test_collected_files_have_hashed_names_and_are_kept_for_a_year(
    tmp_path: Path, settings: Settings, rf: RequestFactory
) -> None:
    command = "import sys; sys.argv = ['manage.py', 'collectstatic']; from config import settings"
    show = f"{command}; print(settings.STORAGES['staticfiles']['BACKEND'])"
    asked = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True, text=True)
    storage = {"BACKEND": asked.stdout.strip()}
    settings.STORAGES = settings.STORAGES | {"staticfiles": storage}
    settings.STATIC_ROOT, settings.DEBUG = tmp_path, False
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = False
    call_command("collectstatic", interactive=False, verbosity=0)
    serve = WhiteNoiseMiddleware(lambda request: HttpResponse(status=404))
    for name in ("app.css", "desk.js", "mark.svg"):
        address = static(f"approvals/{name}")
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", address)
        answer = serve(rf.get(address, headers={"accept-encoding": "gzip"}))
        assert answer.status_code == 200
        age = re.search(r"max-age=(\d+)", answer["Cache-Control"])
        assert age
        assert int(age[1]) >= 365 * 24 * 3600
        assert "immutable" in answer["Cache-Control"]
        assert answer.get("Content-Encoding") == "gzip" or name == "mark.svg"
        answer.close()


def test_a_directory_collected_without_a_manifest_is_not_served(tmp_path: Path) -> None:
    shutil.copytree(settings.BASE_DIR / "config", tmp_path / "config")
    (tmp_path / "approvals").symlink_to(settings.BASE_DIR / "approvals")
    (tmp_path / "staticfiles").mkdir()  # as a release without hashed names made it

    def root() -> str:
        show = "from config import settings; print(settings.STATIC_ROOT)"
        command = [sys.executable, "-c", show]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
        return done.stdout.strip()

    assert root() == "None"
    (tmp_path / "staticfiles/staticfiles.json").touch()
    assert root() == str(tmp_path / "staticfiles")


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((settings.BASE_DIR / "package-lock.json").read_text())
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert len(packages) > 30
    assert all(entry.get("integrity") or entry.get("inBundle") for entry in packages)
    assert not any("resolved" in entry for entry in packages)


def test_the_licences_of_others_are_kept() -> None:
    licenses = (STATIC / "LICENSES.txt").read_text()
    for words in ("Tailwind Labs", "daisyUI", "IBM Plex", "SIL OPEN FONT LICENSE", "MIT License"):
        assert words in licenses
    assert "tailwindcss v4.3.3 | MIT License" in (STATIC / "app.css").read_text()


def test_the_committed_stylesheet_is_what_its_source_builds(tmp_path: Path) -> None:
    tool = settings.BASE_DIR / "node_modules/.bin/tailwindcss"
    if not tool.exists():
        pytest.skip("node_modules is not installed: `make assets` builds and compares")
    built = tmp_path / "app.css"
    subprocess.run(
        [tool, "-i", "approvals/static_src/app.css", "-o", built, "--minify"],
        cwd=settings.BASE_DIR,
        check=True,
        capture_output=True,
    )
    assert built.read_bytes() == (STATIC / "app.css").read_bytes(), "run `make assets`"
