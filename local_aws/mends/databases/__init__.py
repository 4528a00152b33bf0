"""RDS: clusters that are PostgreSQL servers, snapshots, classes."""
