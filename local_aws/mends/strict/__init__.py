"""Strict mode: what AWS does now and then happens all the time."""
