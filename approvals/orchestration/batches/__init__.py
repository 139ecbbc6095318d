"""Order batches: their sources, the parsing of their rows, and the starts of their executions."""
