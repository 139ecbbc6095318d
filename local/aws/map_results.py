"""What a Map Run leaves behind: the state's result, and the files of its ResultWriter.

Dev guide, "ResultWriter (Map)": a manifest, and beside it SUCCEEDED_n, FAILED_n and PENDING_n
files. A child that failed is always shown with its metadata, whatever the Transformation.
"""

from __future__ import annotations

import json
from typing import Any

from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

from local.aws import executor, redrive
from local.aws.map_errors import failure
from local.aws.map_runs import MapRun, Slot

_FILES = {
    "FAILED": {"FAILED", "TIMED_OUT", "ABORTED"},
    "PENDING": {"PENDING"},
    "SUCCEEDED": {"SUCCEEDED"},
}
_MOST_IN_A_FILE = 5_000


def as_a_list(run: MapRun, transformation: str) -> list[Any]:
    """Return the results in the order of the items: NONE, COMPACT or FLATTEN."""
    slots = [slot for slot in run.slots or [] if slot.execution]
    return _transformed(run, slots, transformation)


def write(run: MapRun, writer: dict[str, Any], place: dict[str, Any], env: Any) -> dict[str, Any]:
    """Write the files to `place` and return what the state's result is then.

    Raises States.ResultWriterFailed.
    """
    config = writer.get("WriterConfig") or {}
    prefix = str(place.get("Prefix", ""))
    folder = f"{prefix}{'/' if prefix and not prefix.endswith('/') else ''}{run.arn.split(':')[-1]}"
    s3 = boto_client_for(service="s3", region=run.region, state_credentials=None)
    try:
        files = {
            kind: [
                _put(s3, place["Bucket"], f"{folder}/{kind}_{number}.json", content)
                for number, content in enumerate(_contents(run, statuses, config))
            ]
            for kind, statuses in _FILES.items()
        }
        manifest = {
            "DestinationBucket": place["Bucket"],
            "MapRunArn": run.arn,
            "ResultFiles": files,
        }
        key = f"{folder}/manifest.json"
        _put(s3, place["Bucket"], key, json.dumps(manifest))
    except Exception as wrong:
        raise failure(env, "States.ResultWriterFailed", str(wrong)) from wrong
    run.results_written = True
    return {
        "MapRunArn": run.arn,
        "ResultWriterDetails": {"Bucket": place["Bucket"], "Key": key},
    }


def _put(s3: Any, bucket: str, key: str, content: str) -> dict[str, Any]:
    body = content.encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return {"Key": key, "Size": len(body)}


def _contents(run: MapRun, statuses: set[str], config: dict[str, Any]) -> list[str]:
    slots = [slot for slot in run.slots or [] if slot.status in statuses]
    found = _transformed(run, slots, config.get("Transformation", "NONE"))
    parts = [found[at : at + _MOST_IN_A_FILE] for at in range(0, len(found), _MOST_IN_A_FILE)]
    if config.get("OutputType") == "JSONL":
        return ["\n".join(json.dumps(item) for item in part) for part in parts]
    return [json.dumps(part) for part in parts]


def _transformed(run: MapRun, slots: list[Slot], transformation: str) -> list[Any]:
    results: list[Any] = []
    for slot in slots:
        if transformation == "NONE" or slot.status != "SUCCEEDED":
            results.append(_with_metadata(run, slot))
            continue
        output = json.loads(slot.execution.output)
        if transformation == "FLATTEN" and isinstance(output, list):
            results.extend(output)
        else:
            results.append(output)
    return results


def _with_metadata(run: MapRun, slot: Slot) -> dict[str, Any]:
    child = slot.execution
    shown: dict[str, Any] = {"Input": slot.input, "InputDetails": {"Included": True}}
    shown |= {"StateMachineArn": run.machine.arn, "Status": slot.status}
    if child is None:
        return shown
    shown |= {"ExecutionArn": child.exec_arn, "Name": child.name}
    shown["StartDate"] = executor.timestamp(child.start_date)
    if child.stop_date is not None:
        shown["StopDate"] = executor.timestamp(child.stop_date)
    if slot.status == "SUCCEEDED":
        shown |= {"Output": child.output, "OutputDetails": {"Included": True}}
    redriving = redrive.state_of(child)
    for name in ("redriveCount", "redriveStatus", "redriveStatusReason"):
        if name in redriving:
            shown[f"{name[0].upper()}{name[1:]}"] = redriving[name]
    for name, value in (("Error", child.error), ("Cause", child.cause)):
        if value is not None:
            shown[name] = value
    return shown
