"""Let ``python -m xpareto.pipelines`` do what ``xpareto`` does."""

import sys
from pathlib import Path

if __name__ == "__main__":
    if not sys.flags.safe_path and Path(sys.path[0]) == Path.cwd():
        del sys.path[0]  # Python puts the working directory there for -m, and what lies in it is data
    from xpareto.pipelines.cli import main

    main()
