"""Checks a workflow's definition against rules before it is deployed: errors, retries, timeouts, human reviews.

A rule has an id, a title, the numbers of the textbook's bugs that it finds, and a check; a finding is
a rule that a definition breaks at one place, with the reason and the fix. Definitions are read and
never run, and nothing here needs Django.
"""
