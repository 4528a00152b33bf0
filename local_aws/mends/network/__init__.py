"""VPC endpoints, Route 53, certificates."""
