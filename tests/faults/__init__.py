"""The fault campaigns: the service is broken on purpose, and then counted against what AWS really saw.

`make faults [CAMPAIGN=name] [SCALE=0.05]` runs them; `make test` runs a small part. Every campaign has
a PostgreSQL database of its own, and an AWS in a process of its own whose fsynced log is the truth;
`checker` compares the two. `sabotage` takes safeguards away, to show that the campaigns would notice.
"""
