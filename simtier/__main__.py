"""`python -m simtier`: the command line."""

from simtier.cli import main

if __name__ == "__main__":
    main()
