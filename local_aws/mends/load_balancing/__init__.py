"""Elastic Load Balancing: rules, health, refusals."""
