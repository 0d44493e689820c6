"""`python -m workbench`: the same as the console script."""

from workbench.cli import main

if __name__ == "__main__":
    main()
