"""Orders: a small HTTP API on PostgreSQL, deployed by Quayside."""
