"""The notices function: tells the alarm topic what ECS tells of services, once a deployment."""
