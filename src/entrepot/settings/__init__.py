"""Every setting: the table of what can be set, the reader of the environment, and the values that result."""
