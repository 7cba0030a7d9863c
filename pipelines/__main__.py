"""Let ``python -m xpareto.pipelines`` do what ``xpareto`` does."""

from xpareto.pipelines.cli import main

if __name__ == "__main__":
    main()
