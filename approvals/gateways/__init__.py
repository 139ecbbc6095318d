"""All calls to AWS and nothing else: responses become plain values, errors become an `Answer` with its proof."""
