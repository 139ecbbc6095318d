"""A test is found by its name: the tests mirror the packages, and no file of them is long."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path, PurePath

from tests.paths import ROOT

TESTS = ROOT / "tests"
# Directories of a theme that no single module has; all others mirror a package.
THEMES = {
    *(
        "abuse",
        "batches",
        "bench",
        "browser",
        "contract",
        "deploy",
        "fake_aws",
        "faults",
        "flow",
        "fuzz",
    ),
    *("image", "mutants", "releases", "static"),
}
# Of the repository itself, not of a module.
OF_THE_REPOSITORY = {
    "test_changed",
    "test_distribution",
    "test_guides",
    "test_layout",
    "test_project",
    "test_reference",
}
# Modules without behaviour of their own: what Django, Celery or Python looks up, and columns.
DECLARATIONS = {"apps", "urls", "wsgi", "__main__", "choices", "audit_kinds"}
PACKAGES_OF_DECLARATIONS = {"approvals/models", "approvals/api/serializers", "approvals/migrations"}
# Tested through the module that alone uses them.
TESTED_ELSEWHERE = {
    "config/api_settings.py": "tests/api/test_schema.py",
    "config/celery_settings.py": "tests/config/test_celery.py",
    "config/retention_settings.py": "tests/records/test_retention.py",
    "approvals/api/schema_request_examples.py": "tests/api/test_schema_examples.py",
    "approvals/orchestration/lambdas/failures.py": "tests/orchestration/lambdas",
    "approvals/records/rate_limits.py": "tests/api/test_rate_limits.py",
    "approvals/records/compact_json.py": "tests/records/test_audit_format.py",
    "approvals/records/event_digests.py": "tests/records/test_audit_format.py",
    "approvals/records/sign_in_limits.py": "tests/web/test_sign_in_attempts.py",
}
LINES = 400


def modules() -> dict[PurePath, set[str]]:
    """The names that a test file may begin with, by its directory below tests/."""
    found: dict[PurePath, set[str]] = {}
    for top in ("approvals", "config", "local"):
        base = ROOT if top != "approvals" else ROOT / top
        for path in (ROOT / top).rglob("*.py"):
            module = path.parent if path.name == "__init__.py" else path.with_suffix("")
            if module != base:
                found.setdefault(module.relative_to(base).parent, set()).add(module.name)
    definitions = (ROOT / "approvals/orchestration/definitions").glob("*.asl.json")
    found[PurePath("orchestration/definitions")] = {path.name.split(".")[0] for path in definitions}
    return found


def mirrored() -> list[Path]:
    """The test files of the directories that mirror packages."""
    return [
        path
        for path in TESTS.rglob("test_*.py")
        if path.relative_to(TESTS).parts[0] not in THEMES and path.stem not in OF_THE_REPOSITORY
    ]


def test_every_test_file_begins_with_the_name_of_the_module_that_it_tests() -> None:
    known = modules()

    nameless = [
        str(path.relative_to(TESTS))
        for path in mirrored()
        if not any(
            path.stem == f"test_{name}" or path.stem.startswith(f"test_{name}_")
            for name in known.get(PurePath(path.parent.relative_to(TESTS)), ())
        )
    ]

    assert nameless == []


def test_every_module_with_behaviour_has_a_test_file_of_its_name() -> None:
    files = {str(path.relative_to(TESTS).with_suffix("")) for path in mirrored()}

    untested = []
    for top in ("approvals", "config", "local"):
        for path in sorted((ROOT / top).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            package = where.rpartition("/")[0]
            if path.stem in DECLARATIONS | {"__init__"} or package in PACKAGES_OF_DECLARATIONS:
                continue
            below = path.relative_to(ROOT / top if top == "approvals" else ROOT)
            name = str(below.with_name(f"test_{path.stem}"))
            if not any(each == name or each.startswith(f"{name}_") for each in files):
                untested.append(where)

    assert set(untested) == set(TESTED_ELSEWHERE)
    assert all((ROOT / place).exists() for place in TESTED_ELSEWHERE.values())


def test_no_test_file_is_longer_than_it_can_be_read() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in TESTS.rglob("*.py")}

    assert [str(path) for path, lines in lengths.items() if lines > LINES] == []


def test_no_module_of_the_product_is_imported_by_a_string() -> None:
    by_string = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in {"import_module", "setattr", "find_spec"}
        for argument in chain(node.args[:1])
        if isinstance(argument, ast.Constant)
        and str(argument.value).startswith(("approvals.", "config.", "local."))
    ]

    assert by_string == []
