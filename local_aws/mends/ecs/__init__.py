"""Amazon ECS: tasks, services, their deployments, and both in templates."""
