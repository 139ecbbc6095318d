"""The local account, for what is watched on it."""

from __future__ import annotations

from tests.account import account, local_account

__all__ = ["account", "local_account"]
