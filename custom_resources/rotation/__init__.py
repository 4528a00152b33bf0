"""Rotation of a service's two database users: `rotate` changes the idle one's password, `activate`
moves the service to it. Here is what both know."""
