"""What the launcher of Dataflow's Flex Templates runs: a file, not a module."""

from pipeline.flex_template import main

if __name__ == "__main__":
    main()
