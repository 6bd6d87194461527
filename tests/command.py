"""The real command, run in this process."""

import pytest

from glaze_edge import cli


def run(*arguments: object) -> int:
    """The exit code of `glaze-edge ARGUMENTS`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["glaze-edge", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    return int(stopped.value.code or 0)
