"""No cache of ours grows with what comes from outside: each has a bound.

Looked for are functions whose results are kept, and containers that outlive a call and are written: those of a
module, of a class, of a default argument, of a function's attribute, and those of objects that may live long.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.paths import ROOT

FILES = [
    path
    for room in ("approvals", "config")
    for path in (ROOT / room).rglob("*.py")
    if "migrations" not in path.parts
]
# A container that functions fill is only allowed where something of ours bounds it; each line says what.
ALLOWED = {
    "approvals/background_sender.py: BackgroundSender._waiting": "a Queue of most_waiting",
    "approvals/gateways/s3.py: _Upload._parts": "an upload of one file, with 10,000 parts at most",
    "approvals/messages/envelopes.py: _Opening.names": "one message, with a bounded number of envelopes",
    "approvals/messages/fields.py: Reader.flags": "one message, a few for each known field",
    "approvals/orchestration/batches/csv_rows.py: _Texts._of_row": "one row of a file",
    "approvals/orchestration/batches/runner.py: Scheduler._runners": "batches under way; others are closed",
    "approvals/orchestration/fulfillment.py: _waiting": "ORDER_STARTS_AWAITED threads, each of which leaves it",
    "approvals/orchestration/lambdas/ledger.py: _client": "endpoint and region of the function's environment",
    "approvals/records/audited_rows.py: Replay.decisions": "the events of one review",
    "approvals/records/audited_rows.py: Replay.ended": "the events of one review",
    "approvals/records/audited_rows.py: Replay.votes": "the events of one review",
    "approvals/records/failing_rows.py: FailingRows._failures": "MOST_REMEMBERED",
    "approvals/records/live_hints.py: Sender._waiting": "ids of queues that were written",
    "approvals/records/retention.py: Purge._after": "the tables of RULES",
    "approvals/records/statements.py: _asked": "connections that are open",
    "approvals/records/unit_of_work.py: UnitOfWork._afterwards": "the rows of one verb",
    "approvals/records/unit_of_work.py: UnitOfWork._parts": "the rows of one verb",
    "approvals/records/unit_of_work.py: UnitOfWork._rows": "the rows of one verb",
    "approvals/records/unit_of_work.py: UnitOfWork._values": "the rows of one verb",
    "approvals/records/wake_ups.py: _starts": "STARTS_A_SECOND times",
    "approvals/untrusted/bounded_schema.py: _Work._nodes": "one validation, whose work is bounded",
    "approvals/worker/heartbeats.py: HeartbeatSender._answers": "the calls under way",
    "approvals/worker/heartbeats.py: HeartbeatSender._pools": "places of queues, which operators set",
    "approvals/worker/periodic.py: Prober._next": "what was probed in the last minute",
    "approvals/worker/pool.py: Pool._postponed": "entries of the last second",
    "approvals/worker/pool.py: Pool._under_way": "the threads of the pool",
    "config/client_limits.py: ClientLimits._known": "MOST_KNOWN",
    "config/client_limits.py: ClientLimits._clients": "clients whose requests are under way or wait",
    "config/downloads.py: Downloads._people": "AT_ONCE",
    "config/live_events.py: Streams._open": "MOST streams",
    "config/probes.py: _listening": "one socket, opened once before the workers are started",
    "config/probes.py: _running": "one server of the process, started once; `close` empties it",
    "config/viewers.py: Viewers._announced_at": "reviews that an open stream shows",
    "config/viewers.py: Viewers._elsewhere": "reviews that an open stream shows",
    "config/viewers.py: Viewers._here": "reviews that an open stream shows",
    "config/viewers.py: Viewers._to_announce": "reviews that a stream has shown since the last announcement",
}
CONTAINERS = (
    *("dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque", "ChainMap"),
    *("WeakKeyDictionary", "WeakValueDictionary", "WeakSet"),
    *("Queue", "SimpleQueue", "LifoQueue", "PriorityQueue"),
)
WRITING = {
    *("add", "append", "extend", "insert", "setdefault", "update", "appendleft", "extendleft"),
    *("put", "put_nowait", "__setitem__", "subtract"),
}
BEGUN = "class Poller:\n    def __init__(self):\n        self."
FIELD = "@dataclass\nclass Poller:\n    seen: dict = "
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def findings(source: str, name: str) -> Iterator[str]:
    """The caches of a module that have no bound."""
    tree = ast.parse(source)
    yield from (f"{name}: {each}" for each in _kept_results(tree))
    containers = set(_containers(tree.body))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    modules = set(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            theirs = (containers - _own(node)) | set(_defaults(node))
            for owner in _written(node):
                if isinstance(owner, ast.Name) and owner.id in theirs:
                    yield f"{name}: {owner.id}"
                elif _is_of(owner, functions | modules):
                    yield f"{name}: {ast.unparse(owner)}"
        elif isinstance(node, ast.ClassDef):
            yield from (f"{name}: {node.name}.{each}" for each in _of_objects(node))


def _kept_results(tree: ast.Module) -> Iterator[str]:
    """Functions whose results are kept without a bound, by a decorator or by a call."""
    decorators = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators |= {id(each) for each in node.decorator_list}
            if ast.unparse(node.args) and any(map(_is_unbounded, node.decorator_list)):
                yield node.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _is_unbounded(node.func):
            [given, *_] = node.args
            if not (isinstance(given, ast.Lambda) and not ast.unparse(given.args)):
                yield ast.unparse(node)
        elif isinstance(node, ast.Assign) and _is_unbounded(node.value):
            yield ast.unparse(node)


def _is_unbounded(decorator: ast.expr) -> bool:
    text = ast.unparse(decorator).removeprefix("functools.")
    if text == "cache":
        return True
    if not (isinstance(decorator, ast.Call) and text.startswith("lru_cache(")):
        return False
    sizes = [
        *decorator.args[:1],
        *(each.value for each in decorator.keywords if each.arg == "maxsize"),
    ]
    return any(isinstance(size, ast.Constant) and size.value is None for size in sizes)


def _own(function: Function) -> set[str]:
    """The names of a function's own, not of its module."""
    own = {arg.arg for arg in ast.walk(function) if isinstance(arg, ast.arg)}
    shared: set[str] = set()
    for inner in ast.walk(function):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            own.add(inner.id)
        elif isinstance(inner, ast.Global):
            shared |= set(inner.names)
    return own - shared


def _containers(body: list[ast.stmt]) -> Iterator[str]:
    """The names of the dictionaries, lists and sets that are assigned in a body."""
    for node in body:
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        else:
            continue
        if _is_container(node.value):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _defaults(function: Function) -> Iterator[str]:
    """The arguments whose default is a container, which all calls share."""
    positional = [*function.args.posonlyargs, *function.args.args]
    given = zip(reversed(positional), reversed(function.args.defaults), strict=False)
    named = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    for argument, default in [*given, *named]:
        if _is_container(default):
            yield argument.arg


def _of_objects(found: ast.ClassDef) -> Iterator[str]:
    """The containers that a class or its objects have, and methods write."""
    held = set(_containers(found.body))
    read_is_written = set()
    for node in ast.walk(found):
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_container(node.value):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Attribute):
                    held.add(target.attr)
                    if "defaultdict" in ast.unparse(node.value or target):
                        read_is_written.add(target.attr)
    written = {owner.attr for owner in _written(found) if isinstance(owner, ast.Attribute)}
    written |= {
        node.value.attr
        for node in ast.walk(found)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr in read_is_written
    }
    yield from sorted(held & written)


def _is_container(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        named = ast.unparse(value.func).split("[")[0].rpartition(".")[2]
        factory = [each.value for each in value.keywords if each.arg == "default_factory"]
        return named in CONTAINERS or any(ast.unparse(each) in CONTAINERS for each in factory)
    literals = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    return isinstance(value, literals)


def _written(node: ast.AST) -> Iterator[ast.expr]:
    """What a piece of code writes elements of."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Subscript) and isinstance(inner.ctx, ast.Store):
            yield inner.value
        elif isinstance(inner, ast.AugAssign):
            yield inner.target
        elif (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and inner.func.attr in WRITING
        ):
            yield inner.func.value


def _imported(tree: ast.Module) -> Iterator[str]:
    """The names of the modules of ours that a module imports, whose containers it might fill."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(
            ("approvals", "config")
        ):
            yield from (each.asname or each.name for each in node.names if each.name.islower())


def _is_of(owner: ast.expr, names: set[str]) -> bool:
    """Whether something is an attribute of one of these names."""
    return (
        isinstance(owner, ast.Attribute)
        and isinstance(owner.value, ast.Name)
        and owner.value.id in names
    )


def test_every_cache_has_a_bound() -> None:
    found = {
        each
        for path in FILES
        for each in findings(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    }

    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        "@cache\ndef client(region): ...",
        "@functools.lru_cache(maxsize=None)\ndef client(*regions): ...",
        "@lru_cache(None, typed=True)\ndef client(region): ...",
        "class Gateway:\n    @functools.cache\n    def client(self, region): ...",
        "client = cache(made)",
        "client = lru_cache(maxsize=None)(made)",
        "kept = functools.cache\n@kept\ndef client(region): ...",
        "SEEN = {}\ndef note(arn):\n    SEEN[arn] = 1",
        "SEEN: set[str] = set()\ndef note(arn):\n    SEEN.add(arn)",
        "SEEN = collections.defaultdict(list)\ndef note(arn):\n    SEEN.setdefault(arn, 1)",
        "SEEN = WeakValueDictionary()\ndef note(arn, row):\n    SEEN[arn] = row",
        "SEEN = set()\ndef note(arn):\n    global SEEN\n    SEEN |= {arn}",
        "SEEN = SimpleQueue()\ndef note(arn):\n    SEEN.put(arn)",
        "class Poller:\n    seen = {}\n    def note(self, arn):\n        self.seen[arn] = 1",
        "class Poller:\n    seen = {}\n    @classmethod\n    def note(cls, arn):\n        cls.seen.update(arn=1)",
        f"{BEGUN}seen = set()\n    def note(self, arn):\n        self.seen.add(arn)",
        f"{BEGUN}pools = defaultdict(Pool)\n    def of(self, arn):\n        return self.pools[arn]",
        f"{FIELD}field(default_factory=dict)\n    def note(self, arn):\n        self.seen[arn] = 1",
        "def note(arn, seen={}):\n    seen[arn] = 1",
        "def note(arn, *, seen=set()):\n    seen.add(arn)",
        "def note(arn):\n    note.seen[arn] = 1",
        "from approvals.gateways import aws\ndef note(arn):\n    aws.CLIENTS[arn] = 1",
    ],
)
def test_a_cache_without_a_bound_is_found(source: str) -> None:
    assert list(findings(source, "here"))


@pytest.mark.parametrize(
    "source",
    [
        "@lru_cache(maxsize=8)\ndef client(region): ...",
        "@cache\ndef installed(): ...",
        "def page(order):\n    read = cache(lambda: order.input)",
        "KNOWN = {'a': 1}\ndef look(name):\n    return KNOWN[name]",
        "def note(arn):\n    seen = {}\n    seen[arn] = 1",
        "def note(arn, seen=()):\n    return arn in seen",
        "class Table:\n    columns = ['a']\n    def shown(self):\n        return self.columns",
    ],
)
def test_what_is_bounded_or_never_written_is_not(source: str) -> None:
    assert list(findings(source, "here")) == []
