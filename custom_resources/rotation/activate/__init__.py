"""The activation function: moves a service to the user that was rotated."""
