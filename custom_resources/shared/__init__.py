"""What every function shares: validation, the answer to CloudFormation, AWS clients, the log."""
