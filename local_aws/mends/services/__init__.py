"""Single mends of S3 and Service Quotas."""
