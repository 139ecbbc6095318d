"""Says what is wrong with a workflow's definition before AWS, or a customer, finds out.

A rule is an id, a title, which of the textbook's bugs it sees, and a check; a finding is a rule at a
place, with the reason and the fix. Definitions are read, never run, and nothing here needs Django.
"""
