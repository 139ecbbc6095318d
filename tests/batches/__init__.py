"""The campaign of batches: many orders, our process killed on the way, every order ends exactly once."""
