"""What goes out to AWS, a module for each lane: lease an outbox entry, make one call, record what it proved."""
