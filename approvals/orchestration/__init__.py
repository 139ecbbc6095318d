"""The order workflow: its definitions, its Lambda functions, their packaging, and the start of orders."""
