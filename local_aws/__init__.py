"""An AWS on this machine, without Docker: ministack and the mends that Quayside's stacks need.

It is an AWS and knows nothing of Quayside. `README.md` beside this file says what it proves and
what it can't.
"""
