"""What `make demo` runs: a platform and two services on a local AWS, deployed, called, stopped."""
