"""Application Auto Scaling of ECS services: AWS's refusals, limits, schedules; no measuring."""
