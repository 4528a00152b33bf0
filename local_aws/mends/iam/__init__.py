"""IAM: who calls, what he may, and what is written down of it."""
