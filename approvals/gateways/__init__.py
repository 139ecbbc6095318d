"""The outside world and nothing else: AWS's answers become plain values, its errors become words."""
