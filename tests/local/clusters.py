"""Copies of one fresh PostgreSQL cluster: a copy takes a fraction of the time of initdb."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import psycopg

from local.postgres import Server


def fresh_cluster(folder: Path) -> Path:
    """The cluster in `folder`, made there once, even if several processes ask for it.

    It has the database `postgres` and no templates, which would be two thirds of its files.
    """
    data = folder / "cluster"
    with (folder / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not data.exists():
            server = Server.start(folder / "making", durable=False)
            with psycopg.connect(server.url, autocommit=True) as connection:
                for name in ("template0", "template1"):
                    connection.execute(f"ALTER DATABASE {name} IS_TEMPLATE false")
                    connection.execute(f"DROP DATABASE {name}")
            server.stop()
            (server.data / "server.log").unlink()
            shutil.move(server.data, data)
    return data


def copy_cluster(cluster: Path, data: Path) -> Path:
    """Copy a cluster that no server uses to `data`, with its owner and modes; returns `data`."""
    data.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", "--sparse=always", cluster, data], check=True)
    return data
