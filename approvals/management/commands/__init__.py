"""The command line: each command reads arguments, calls one function, and ends with an exit code.

0 ok, 1 error, 2 usage, 3 a finding or `stored, not done`. A user's mistake gets one line on stderr.
"""
