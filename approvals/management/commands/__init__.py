"""The management commands: each reads its arguments, calls the service, and ends with an exit code.

0 ok, 1 error, 2 wrong usage, 3 a finding or `stored, will be started`. A user's mistake gets one
line on standard error.
"""
