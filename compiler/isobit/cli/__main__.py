"""``python -m isobit.cli``: the command line where no script is installed."""

from isobit.cli.main import main

if __name__ == "__main__":
    main()
