"""CloudWatch Logs: what log groups keep of policies, saved queries, subscriptions."""
