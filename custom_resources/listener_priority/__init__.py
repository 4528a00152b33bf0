"""Custom::ListenerPriority: a listener rule's priority, reserved in DynamoDB."""
