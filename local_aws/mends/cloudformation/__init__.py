"""CloudFormation: stacks, change sets, validation, events, and types that are missing."""
