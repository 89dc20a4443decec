"""What a network is: as a torch module, and as files that others read."""
