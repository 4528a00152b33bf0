"""Lambda: runtimes, refusals, functions that fall asleep."""
