"""Who runs a job, where and when: a protocol of three methods, and the engine that is the database."""
