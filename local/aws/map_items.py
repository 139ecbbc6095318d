"""Reads the items of a distributed Map, selects them, and makes the inputs of the children."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from moto.stepfunctions.parser.asl.eval.states import ItemData, MapData

from local.aws.map_errors import failure

_MAX_BYTES = 262_144


def from_state(state: Any, env: Any) -> list[Any]:
    """Return the items that ItemsPath selects from the state's input."""
    state.items_path.eval(env=env)
    items = env.stack.pop()
    if not isinstance(items, list):
        raise failure(env, "States.Runtime", "The items of a Map must be an array")
    return items


def from_reader(state: Any, env: Any) -> list[Any]:
    """Return the items of the ItemReader's dataset; raises States.ItemReaderFailed."""
    try:
        if not state.distributed.reads_lines:
            state.item_reader.eval(env=env)
            items: list[Any] = env.stack.pop()
            return items
        return _lines(state.item_reader, env)
    except FailureEventException:
        raise
    except Exception as wrong:
        raise failure(env, "States.ItemReaderFailed", str(wrong)) from wrong


def _lines(reader: Any, env: Any) -> list[Any]:
    """Return the items of a JSON Lines object. Only a line feed ends an item."""
    reader.reader_config.eval(env=env)
    most = env.stack.pop()["MaxItemsValue"]
    reader.parargs.eval(env=env)
    reader.resource_eval.eval_resource(env=env)
    lines = [line for line in env.stack.pop().split("\n") if line.strip()]
    return [json.loads(line) for line in lines[:most]]


def selected(state: Any, env: Any, items: list[Any]) -> list[Any]:
    """Return the items after ItemSelector, or Parameters, its old name."""
    selector = state.item_selector or state.parameters
    if not selector:
        return items
    selected_items = []
    scope = env.open_inner_frame()
    try:
        for index, item in enumerate(items):
            scope.states.reset(input_value=env.stack[-1])
            scope.stack = [env.stack[-1]]
            scope.states.context_object.context_object_data["Map"] = MapData(
                Item=ItemData(Index=index, Value=item)
            )
            selector.eval(scope)
            selected_items.append(scope.stack.pop())
    finally:
        env.delete_frame(scope)
    return selected_items


def inputs(env: Any, items: list[Any], batcher: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the input of each child, as JSON text, and how many items are in it.

    `batcher` is the evaluated ItemBatcher, empty for a child per item. A batch is closed by
    MaxItemsPerBatch, MaxInputBytesPerBatch or the 262,144 bytes of an input, whichever is first.
    """
    if not batcher:
        for item in items:
            yield _checked(env, _text(item)), 1
        return
    shared = {"BatchInput": batcher["BatchInput"]} if "BatchInput" in batcher else {}
    most_items = int(batcher.get("MaxItemsPerBatch") or len(items) or 1)
    most_bytes = min(int(batcher.get("MaxInputBytesPerBatch") or _MAX_BYTES), _MAX_BYTES)
    overhead = _size(_text({"Items": [], **shared}))
    batch: list[Any] = []
    size = overhead
    for item in items:
        added = _size(_text(item)) + 1
        if batch and (len(batch) == most_items or size + added > most_bytes):
            yield _checked(env, _text({"Items": batch, **shared})), len(batch)
            batch, size = [], overhead
        batch.append(item)
        size += added
    if batch:
        yield _checked(env, _text({"Items": batch, **shared})), len(batch)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _checked(env: Any, text: str) -> str:
    if _size(text) > _MAX_BYTES:
        cause = "The input of a child workflow execution exceeds 262144 bytes"
        raise failure(env, "States.DataLimitExceeded", cause)
    return text
