"""`python -m glaze_edge`: the command line."""

from glaze_edge.cli import main

main()
