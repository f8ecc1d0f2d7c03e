"""`python -m inffeed_core.cli`, which `accelerate launch -m` needs."""

from inffeed_core.cli import main

main(prog_name="inffeed")
