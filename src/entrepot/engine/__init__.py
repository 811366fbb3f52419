"""The durable engine behind a small interface: it says run job X, now, here."""
