"""Batches of orders: where they come from, how they are parsed, and how their executions are started."""
