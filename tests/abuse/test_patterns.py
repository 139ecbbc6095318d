"""Every regular expression of the product takes time that grows with the text alone, and little memory.

The expressions are found in the source, so that a new one is measured as soon as it is written. One that is
made in another way than by `re.compile(...)` or `re.search(...)` would not be found, and is refused.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest

from tests.paths import ROOT

MEGABYTE = 1_048_576
SCREENED = 4_096  # characters; a quadratic pattern takes many times as long as a linear one
SLOWER = 2.5  # times, for twice the text
BYTES_A_CHARACTER = (
    96  # of memory; what is repeated as a group keeps 149 to go back to, unless it is possessive
)
QUICK = 0.004  # seconds, below which a time says nothing
METHODS = {"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
# Patterns that are made of an argument, with a value as it may be.
MADE_OF_ARGUMENTS = {
    "re.escape(place) + '(?![\\\\w.\\\\[])'": r"\$\.States\['a'\](?![\w.\[])",
    "f'\\\\$\\\\.{root}\\\\b'": r"\$\.root\b",
    # Of the schema of the language, which the package holds.
    "one": "^(String|Numeric|Timestamp)(Equals|LessThan|GreaterThan|LessThanEquals)Path$",
    # Of a loop over the plain words of YAML; the longest one.
    "f'(?:{_pattern})\\\\Z'": r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)\Z",
}
# Where a pattern is applied by something that the source of its module does not show.
UNKNOWN = {"search", "fullmatch", "sub"}
APPLIED_ELSEWHERE = {"approvals.workflows.asl.yaml_text": {"match"}}  # by PyYAML's Resolver.resolve
ENGINES = {"re", "re2", "regex", "sre_compile", "sre_parse", "fnmatch", "unicodedata", "difflib"}
# Linear by themselves, and where a sequence of combining characters has a bound.
OTHER_ENGINES = {
    "re2": {
        "approvals.models.fields",
        "approvals.untrusted.bounded_schema",
        "approvals.untrusted.lenient_json",
        "approvals.untrusted.redaction",
    },
    "unicodedata": {"approvals.untrusted.display", "approvals.records.order_validation"},
}
# What Django offers for texts, as far as it is linear; others, such as URLValidator or strip_tags, are not.
LINEAR_OF_DJANGO = {
    *("format_html", "format_html_join", "capfirst", "stringfilter", "parse_datetime"),
    *("EmailValidator", "MaxValueValidator", "MinValueValidator", "RegexValidator"),
}
OF_DJANGO = (
    *("django.utils.html", "django.utils.text", "django.utils.dateparse"),
    *("django.core.validators", "django.template.defaultfilters"),
)
COMMON = ["\\", '"', " ", "a", "A", "0", "-", "\n", "$"]


class Pattern(NamedTuple):
    """A regular expression, and the method by which its module applies it."""

    module: str
    expression: str
    compiled: re.Pattern[Any]
    method: str


def module_name(path: Any) -> str:
    """The dotted name of a module of the repository."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def name_of(function: ast.expr) -> str:
    """A function's name, with its module's, if there is one; `ast.unparse` of each call takes a second."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else ""


def found() -> Iterator[tuple[str, ast.Call, ast.Module]]:
    """Each call of `re` or RegexValidator in the product, with its module and the module's tree."""
    for top in ("approvals", "config"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "migrations" in path.parts or "re" not in path.read_text():
                continue
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and name_of(node.func) in CALLS:
                    yield module_name(path), node, tree


OF_RE = {"re.compile"} | {f"re.{method}" for method in METHODS}
CALLS = {"RegexValidator"} | OF_RE


def methods_of(call: ast.Call, tree: ast.Module) -> set[str]:
    """How a pattern is applied: by the call itself, or to the name that a compiled one is assigned to."""
    function = ast.unparse(call.func)
    if function == "RegexValidator":
        return {"search"}
    if function != "re.compile":
        return {function.removeprefix("re.")}
    names = {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and node.value is call
    }
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in names
        and node.attr in METHODS
    }


def patterns() -> Iterator[Pattern]:
    """Every pattern of the product with each way in which it is applied."""
    for module, call, tree in found():
        source = ast.unparse(call.args[0])
        names = vars(importlib.import_module(module))
        value = MADE_OF_ARGUMENTS.get(source)
        if value is None:
            value = eval(source, names)  # noqa: S307  (the product's own source)
        flags = [each.value for each in call.keywords if each.arg == "flags"]
        if ast.unparse(call.func) == "re.compile":
            flags += call.args[1:2]
        flag = eval(ast.unparse(flags[0]), names) if flags else 0  # noqa: S307
        for method in sorted(methods_of(call, tree) or APPLIED_ELSEWHERE.get(module, UNKNOWN)):
            yield Pattern(
                module, source, re.compile(value, flag if isinstance(flag, int) else 0), method
            )


def pieces(pattern: re.Pattern[Any]) -> list[str]:
    """Texts of which an attack on this pattern may be made: common characters, its own, its longest words."""
    text = str(pattern.pattern)
    words = sorted(re.findall(r"[A-Za-z.\"]{4,}", text), key=len)[-3:]
    singles = [each for each in dict.fromkeys(text) if each not in "()[]{}*+?|^"]
    return list(dict.fromkeys([*COMMON, *singles[:8], *words]))


def attacks(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], str]]:
    """Texts of any length: one piece or two repeated, or a piece before another one that is repeated."""
    some = pieces(pattern)
    yield from (partial(repeated, one) for one in some)
    for one, other in itertools.permutations(some, 2):
        yield partial(repeated, one + other)
        yield partial(repeated, other, before=one)
        yield partial(repeated, other, before=(one * 63)[:63])
        yield partial(repeated, one, after=other)


def repeated(piece: str, size: int, *, before: str = "", after: str = "") -> str:
    """A piece, repeated between these texts up to a length."""
    return (before + piece * size)[: size - len(after)] + after


def seconds(pattern: Pattern, text: str) -> float:
    """The processor time of applying a pattern to a text."""
    is_text = isinstance(pattern.compiled.pattern, str)
    arguments: list[Any] = [text if is_text else text.encode()]
    if pattern.method in ("sub", "subn"):
        arguments.insert(0, "" if is_text else b"")
    apply = getattr(pattern.compiled, pattern.method)
    began = time.process_time()
    result = apply(*arguments)
    if pattern.method == "finditer":
        for _match in result:
            pass
    return time.process_time() - began


ALL = list(patterns())


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Each module of the product with its tree."""
    for top in ("approvals", "config"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "migrations" not in path.parts:
                yield module_name(path), ast.parse(path.read_text())


def hidden(module: str, tree: ast.Module) -> Iterator[str]:
    """What a module uses on texts that no test here measures."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = any(_is_hidden(module, each) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            named = {each.name for each in node.names}
            found = node.module in ENGINES or (
                node.module in OF_DJANGO and not named <= LINEAR_OF_DJANGO
            )
        else:
            found = ast.unparse(node) in OF_RE if isinstance(node, ast.Attribute) else False
            found = found and id(node) not in called
        if found:
            yield f"{module}: {ast.unparse(node)}"


def _is_hidden(module: str, imported: ast.alias) -> bool:
    engine = imported.name.partition(".")[0]
    if engine == "re":
        return bool(imported.asname)
    return engine in ENGINES and module not in OTHER_ENGINES.get(engine, ())


def test_no_pattern_is_made_where_it_is_not_measured() -> None:
    assert [each for module, tree in sources() for each in hidden(module, tree)] == []


@pytest.mark.parametrize(
    "source",
    [
        "from re import compile",
        "import re as expressions",
        "import regex",
        "import re2",
        "import fnmatch",
        "import difflib",
        "from django.utils.html import strip_tags",
        "from django.utils.text import Truncator",
        "from django.core.validators import URLValidator",
        "import re\nmake = re.compile",
        "import re\nremove = partial(re.sub, 'a+$')",
    ],
)
def test_what_is_not_measured_is_found(source: str) -> None:
    assert list(hidden("here", ast.parse(source)))


def test_a_pattern_whose_use_is_not_seen_is_measured_in_every_way() -> None:
    tree = ast.parse("KNOWN = {'a': re.compile('a+$')}")
    [call] = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]

    assert not methods_of(call, tree)
    assert {p.method for p in ALL if p.module == "approvals.workflows.linting.data_flow"} >= UNKNOWN


def test_the_patterns_of_the_product_are_found() -> None:
    named = {pattern.module for pattern in ALL}
    assert {"approvals.untrusted.redaction", "approvals.arns", "config.logging"} <= named
    assert len(ALL) > 50


@pytest.mark.parametrize(
    "pattern", ALL, ids=[f"{each.module}:{each.expression[:30]}" for each in ALL]
)
def test_twice_the_text_takes_a_pattern_twice_the_time(pattern: Pattern) -> None:
    screened = []
    for attack in attacks(pattern.compiled):
        took = seconds(pattern, attack(SCREENED))
        assert took < 0.05, f"{attack(80)!r} took {took:.2f} s with {SCREENED} characters"
        screened.append((took, attack))
    slowest = sorted(screened, key=lambda each: each[0])[-2:]
    for _, attack in slowest:
        assert grows_with_its_text(pattern, attack), f"{attack(80)!r}"


@pytest.mark.parametrize(
    "pattern", ALL, ids=[f"{each.module}:{each.expression[:30]}" for each in ALL]
)
def test_a_pattern_takes_little_memory(pattern: Pattern) -> None:
    for piece in pieces(pattern.compiled):
        text = repeated(piece, SCREENED)
        tracemalloc.start()
        try:
            seconds(pattern, text)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < BYTES_A_CHARACTER * SCREENED, f"{text[:80]!r} took {peak} bytes"


def grows_with_its_text(pattern: Pattern, attack: Callable[[int], str]) -> bool:
    """Whether twice the text takes at most SLOWER times as long; tried again, because others use the machine."""
    half, whole = attack(MEGABYTE // 2), attack(MEGABYTE)
    least = [float("inf"), float("inf")]
    for _ in range(30):
        least = [
            min(before, seconds(pattern, text))
            for before, text in zip(least, (half, whole), strict=True)
        ]
        if least[1] <= SLOWER * least[0] + QUICK:
            return True
    return False
