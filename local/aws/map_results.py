"""The results of a Map Run: the output of the state, and the files of its ResultWriter.

Developer guide, "ResultWriter (Map)": a manifest, and beside it SUCCEEDED_n, FAILED_n and PENDING_n
files. A child that failed always has its metadata, whatever the Transformation.
"""

from __future__ import annotations

import json
from typing import Any

from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

from local.aws import executor, redrive
from local.aws.map_errors import failure
from local.aws.map_runs import MapChild, MapRun

_FILES = {
    "FAILED": {"FAILED", "TIMED_OUT", "ABORTED"},
    "PENDING": {"PENDING"},
    "SUCCEEDED": {"SUCCEEDED"},
}
_MAX_PER_FILE = 5_000


def as_list(run: MapRun, transformation: str) -> list[Any]:
    """Return the results in the order of the items: NONE, COMPACT or FLATTEN."""
    children = [child for child in run.children or [] if child.execution]
    return _transformed(run, children, transformation)


def write(run: MapRun, writer: dict[str, Any], place: dict[str, Any], env: Any) -> dict[str, Any]:
    """Write the files to `place`, a Bucket and a Prefix, and return the state's result.

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
    children = [child for child in run.children or [] if child.status in statuses]
    found = _transformed(run, children, config.get("Transformation", "NONE"))
    parts = [found[at : at + _MAX_PER_FILE] for at in range(0, len(found), _MAX_PER_FILE)]
    if config.get("OutputType") == "JSONL":
        return ["\n".join(json.dumps(item) for item in part) for part in parts]
    return [json.dumps(part) for part in parts]


def _transformed(run: MapRun, children: list[MapChild], transformation: str) -> list[Any]:
    results: list[Any] = []
    for child in children:
        if transformation == "NONE" or child.status != "SUCCEEDED":
            results.append(_with_metadata(run, child))
            continue
        output = json.loads(child.execution.output)
        if transformation == "FLATTEN" and isinstance(output, list):
            results.extend(output)
        else:
            results.append(output)
    return results


def _with_metadata(run: MapRun, child: MapChild) -> dict[str, Any]:
    execution = child.execution
    fields: dict[str, Any] = {"Input": child.input, "InputDetails": {"Included": True}}
    fields |= {"StateMachineArn": run.machine.arn, "Status": child.status}
    if execution is None:
        return fields
    fields |= {"ExecutionArn": execution.exec_arn, "Name": execution.name}
    fields["StartDate"] = executor.timestamp(execution.start_date)
    if execution.stop_date is not None:
        fields["StopDate"] = executor.timestamp(execution.stop_date)
    if child.status == "SUCCEEDED":
        fields |= {"Output": execution.output, "OutputDetails": {"Included": True}}
    redriving = redrive.redrive_fields(execution)
    for name in ("redriveCount", "redriveStatus", "redriveStatusReason"):
        if name in redriving:
            fields[f"{name[0].upper()}{name[1:]}"] = redriving[name]
    for name, value in (("Error", execution.error), ("Cause", execution.cause)):
        if value is not None:
            fields[name] = value
    return fields
