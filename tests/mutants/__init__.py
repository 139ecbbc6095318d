"""Small wrong changes of the core, made one at a time, which the tests must notice: `make mutants`.

The changes are those of cosmic-ray's operators, used as a library, and a few of the same interface in
`operators`. mutmut would be the other kept tool, but its version 3 skips decorated functions, and every
verb here is decorated with `@transaction.atomic`.
"""
