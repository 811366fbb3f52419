"""What an answer looks like: the formats of `--output`, `--query`, colours and the pager."""
