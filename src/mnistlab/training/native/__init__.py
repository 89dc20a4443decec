"""The native engine: one C file, built with the package, and what Python needs to call it."""
