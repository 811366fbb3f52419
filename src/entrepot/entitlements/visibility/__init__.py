"""What an account may see: its own data sets, and those that it was granted."""
