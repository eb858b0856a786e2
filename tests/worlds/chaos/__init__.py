"""A network that bad things happen to: real processes whose clocks are set, whose disks fill up, which are killed."""
