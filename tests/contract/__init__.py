"""Section 9 of the design, written down as data in `contract.py`, and the tests that walk it."""
