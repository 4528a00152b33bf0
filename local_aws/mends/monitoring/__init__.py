"""CloudWatch alarms and EventBridge's deliveries."""
