"""What happened, told outside."""
