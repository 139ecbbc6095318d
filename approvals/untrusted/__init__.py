"""Untrusted input: parsed strictly, streamed in bounded pieces, redacted, shown safely. Without Django."""
