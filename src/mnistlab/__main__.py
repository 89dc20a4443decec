"""`python -m mnistlab` is the same as `mnistlab`."""

from mnistlab.cli import main

if __name__ == "__main__":
    main()
