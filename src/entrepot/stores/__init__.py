"""Object stores behind one small protocol: a local directory, and S3 by one lean client."""
