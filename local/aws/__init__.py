"""The laptop's AWS account: moto with its real workflow executor, made to answer as AWS documents.

`python -m local.aws` serves one account on one port, in memory; `start()` runs that as a
child and `deploy()` puts a CloudFormation template into it. moto is only imported in that child.

Documented on AWS and different in plain moto, so mended here: callback tokens (`tokens.py`),
executions (`executions.py`, `descriptions.py`, `history.py`, `status_events.py`), redrive
(`redrive.py`, `progress.py`), versions and aliases (`versions.py`), workflows that start workflows
(`nested.py`), distributed Maps (`maps.py`, the rooms `map_*.py`, and `parsing.py` for what moto's
grammar refuses), refused definitions (`definitions.py`), simultaneous consumers of a queue
(`queues.py`), Lambda without Docker (`functions.py`) and CloudFormation's view of the executor and
the types it lacks (`stack.py`, `stack_types.py`, `stack_versions.py`).

Not mended: JSONata, and with it variables; of a distributed Map, ItemsPointer, CSVDelimiter,
Parquet and manifests; of a redrive, its limits of days and events; an EXPRESS workflow's five
minutes; IAM, which allows everything.
"""

from __future__ import annotations

from local.aws.account import Account, start
from local.aws.deployment import deploy

__all__ = ["Account", "deploy", "start"]
