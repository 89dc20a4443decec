"""What to try: trials, each changing something about an earlier one, read from a TOML file."""
