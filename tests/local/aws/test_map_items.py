"""The items of a distributed Map: from the input or S3, selected, and in batches.

Developer guide, "ItemReader (Map)", "ItemSelector (Map)", "ItemBatcher (Map)".
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.aws.maps import distributed, reading, run
from tests.local.aws.resources import Bucket
from tests.local.aws.workflows import MakeWorkflow


def test_item_selector_sees_the_item_its_index_and_the_input(workflow: MakeWorkflow) -> None:
    selector = {"n.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "day.$": "$.day"}
    flow = workflow(distributed(ItemsPath="$.orders", ItemSelector=selector))

    end = run(flow, {"day": "monday", "orders": ["a", "b"]})

    assert json.loads(end["output"]) == [
        {"n": 0, "v": "a", "day": "monday"},
        {"n": 1, "v": "b", "day": "monday"},
    ]


@pytest.mark.parametrize(
    ("batcher", "sizes"),
    [
        ({"MaxItemsPerBatch": 2}, [2, 2, 1]),
        ({"MaxItemsPerBatchPath": "$.size"}, [3, 2]),
        ({"MaxInputBytesPerBatch": 60}, [3, 2]),
        ({"MaxItemsPerBatch": 4, "MaxInputBytesPerBatch": 45}, [2, 2, 1]),
    ],
)
def test_batches_are_closed_by_items_or_bytes(
    workflow: MakeWorkflow, batcher: dict[str, Any], sizes: list[int]
) -> None:
    flow = workflow(distributed(ItemsPath="$.items", ItemBatcher=batcher))

    end = run(flow, {"items": ["0123456789ab"] * 5, "size": 3})

    assert [len(batch["Items"]) for batch in json.loads(end["output"])] == sizes


def test_every_batch_carries_the_batch_input(workflow: MakeWorkflow) -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"day.$": "$.day", "kind": "daily"}}
    flow = workflow(distributed(ItemsPath="$.items", ItemBatcher=batcher))

    end = run(flow, {"items": [1, 2, 3], "day": "monday"})

    shared = {"day": "monday", "kind": "daily"}
    assert json.loads(end["output"]) == [
        {"Items": [1, 2], "BatchInput": shared},
        {"Items": [3], "BatchInput": shared},
    ]


@pytest.mark.parametrize(
    ("kind", "body", "config"),
    [
        ("JSON", '[{"id": "1"}, {"id": "2"}]', {}),
        ("JSONL", '{"id": "1"}\n{"id": "2"}\n', {}),
        ("JSONL", '{"id": "1"}\n{"id": "2"}\n{"id": "3"}', {"MaxItems": 2}),
        ("CSV", "id\n1\n2\n", {"CSVHeaderLocation": "FIRST_ROW"}),
    ],
)
def test_the_items_are_read_from_s3(
    workflow: MakeWorkflow, bucket: Bucket, kind: str, body: str, config: dict[str, Any]
) -> None:
    bucket.put(f"orders.{kind}", body)
    flow = workflow(distributed(**reading(bucket.name, f"orders.{kind}", kind, **config)))

    assert json.loads(run(flow)["output"]) == [{"id": "1"}, {"id": "2"}]


def test_a_version_id_pins_the_object_that_is_read(workflow: MakeWorkflow, bucket: Bucket) -> None:
    first = bucket.put("pinned.jsonl", '{"v": 1}')
    bucket.put("pinned.jsonl", '{"v": 2}')
    reader = reading(bucket.name, "pinned.jsonl")
    reader["ItemReader"]["Parameters"]["VersionId.$"] = "$.version"
    flow = workflow(distributed(**reader))

    assert json.loads(run(flow, {"version": first})["output"]) == [{"v": 1}]


@pytest.mark.parametrize("key", ["absent.jsonl", "broken.jsonl"])
def test_items_that_cannot_be_read_have_their_own_error(
    workflow: MakeWorkflow, bucket: Bucket, key: str
) -> None:
    bucket.put("broken.jsonl", "{")
    flow = workflow(distributed(**reading(bucket.name, key)))

    end = run(flow)

    assert end["error"] == "States.ItemReaderFailed"
    assert "MapRunFailed" in [event["type"] for event in flow.events(end["executionArn"])]
