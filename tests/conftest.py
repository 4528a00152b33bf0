"""Settings for all tests of this repository."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A noisy machine must not decide whether a property holds.
settings.register_profile("quayside", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quayside")
