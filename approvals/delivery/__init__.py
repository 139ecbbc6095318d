"""The outward door, a module a lane: lease a row, make one call, write down what it proved."""
