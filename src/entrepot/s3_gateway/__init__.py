"""The read-only S3 gateway: what S3 data access assets share, by the names of their access points."""
