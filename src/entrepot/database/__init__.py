"""Tables and queries: the same code on SQLite and on PostgreSQL."""
