"""What actions write with: audit events, outbox rows, sealed tokens and hints. Rows only, no calls."""
