"""The management commands: each reads its arguments, calls the service, and ends with an exit code.

Exit codes: 0 ok, 1 error, 2 wrong usage, 3 a finding, or an order that is stored and not started yet.
A user's mistake gets one line on standard error.
"""
