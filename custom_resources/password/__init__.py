"""Custom::Password: a random password in an SSM SecureString."""
