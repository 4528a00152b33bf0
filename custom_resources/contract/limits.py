"""What a limit must leave room for."""

# A rotation has two connections of the idle user's at a time (setSecret's session and a proof), a
# deployment proves the same login once, and what Lambda ended half-way stays for a minute or two.
FEWEST_CONNECTIONS = 5
