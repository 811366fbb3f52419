"""One file per job type, all of one shape: check at creation, plan, run an item, finish."""
