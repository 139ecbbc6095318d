"""`make bench`: measures the service beside a floor, a peer and the calls it is made of, in one run."""
