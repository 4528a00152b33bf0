#!/bin/sh
# Reads the active user's name and password with the AWS CLI, and becomes the application:
#   ENTRYPOINT ["/start.sh"]
#   CMD ["python", "-m", "orders"]
# DB_SECRET_ARN and DB_ACTIVE_USER come from the task definition, the credentials from the task's role. A task keeps what
# it read at its start: rotation changes the password of the user that no task uses.
set -eu

fail() {
    echo "start.sh: $*" >&2
    exit 1
}

# The value of a key whose value is letters, digits and underscores, as Quayside's secrets have them.
value_of() {
    printf '%s' "$secret" | sed -n "s/.*\"$1\": *\"\([A-Za-z0-9_]*\)\".*/\1/p"
}

[ -n "${DB_SECRET_ARN:-}" ] || fail "DB_SECRET_ARN is missing. Deploy the service with a database (service_database)."
secret=$(aws secretsmanager get-secret-value --secret-id "$DB_SECRET_ARN" --query SecretString --output text) ||
    fail "the secret of the user ${DB_ACTIVE_USER:-} can't be read. The line above says why."
# Set in this process alone, never as an argument: a process list shows those.
DB_USERNAME=$(value_of username)
DB_PASSWORD=$(value_of password)
unset secret
[ -n "$DB_USERNAME" ] && [ -n "$DB_PASSWORD" ] || fail "the secret of the user ${DB_ACTIVE_USER:-} has no username or password in letters, digits and underscores. Rotate it again (rotate.yml)."
export DB_USERNAME DB_PASSWORD
exec "$@"
