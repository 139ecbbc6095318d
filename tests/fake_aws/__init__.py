"""A fake of AWS for real boto3 clients: true tokens, queues and histories, and faults on demand.

In process:

    with FakeAws(seed=7) as aws:
        queue = aws.create_queue("manual-review")
        machine = aws.machine(review_queue_url=queue)
        aws.plan("SendTaskSuccess", [Fault.LOSE_REPLY_AFTER_APPLY])
        boto3.client("stepfunctions", endpoint_url=aws.endpoint, …)
        assert aws.log.effect_of(token)["by"] == "call" and not aws.unfired()

As a process of its own (`python -m tests.fake_aws --port N --log FILE --seed N`) the same verbs are
reached with `Remote(endpoint, log)`; `spawned(…)` starts one and ends it.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from types import TracebackType

from tests.fake_aws.account import Account
from tests.fake_aws.control import Verbs
from tests.fake_aws.faults import Fault
from tests.fake_aws.journal import Journal, Log, decision_in, fingerprint
from tests.fake_aws.remote import Remote, spawned
from tests.fake_aws.server import Server
from tests.fake_aws.world import ACCOUNT, World

__all__ = ["ACCOUNT", "FakeAws", "Fault", "Log", "Remote", "decision_in", "fingerprint", "spawned"]


class FakeAws(Verbs):
    """The fake as a context of this process; its verbs are those of `control.Verbs`."""

    def __init__(
        self,
        log: Path | None = None,
        *,
        seed: int = 0,
        fsync: bool = True,
        region: str = "eu-west-1",
        port: int = 0,
    ) -> None:
        """Listen on `port` (0: a free one) of this machine; without `log` a temporary file is written."""
        self._folder = tempfile.TemporaryDirectory() if log is None else None
        path = Path(self._folder.name) / "aws.jsonl" if self._folder else Path(str(log))
        world = World(Journal(path, fsync=fsync), seed, region)
        super().__init__(world, Account(world))
        self.log = Log(path)
        self.server = Server(port, self.account, self)
        self.endpoint = world.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> FakeAws:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering, wake the calls that wait, and close the log."""
        self.world.closing.set()
        with self.world.lock:
            for queue in self.account.queues.by_name.values():
                queue.arrived.notify_all()
        self.server.shutdown()
        self._thread.join()
        self.server.hang_up()
        self.server.server_close()
        self.world.journal.close()
        if self._folder:
            self.log.lines()  # so that it can still be read
            self._folder.cleanup()
