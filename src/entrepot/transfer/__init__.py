"""Moving bytes: copies, multipart uploads, checksums, signed URLs."""
