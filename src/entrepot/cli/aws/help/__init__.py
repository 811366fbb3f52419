"""Help: a page for every operation, made of the model's own documentation, and topics written for people."""
