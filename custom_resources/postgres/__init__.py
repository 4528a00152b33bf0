"""Connections to PostgreSQL, for the functions that speak to a database."""
