"""Custom::Database: a service's database, its owner role and its login users."""
