"""A state machine's definition (Amazon States Language) as it is read from a file: its states with their
places, and the ways between them. It judges nothing and runs nothing; the linter and the price do."""
