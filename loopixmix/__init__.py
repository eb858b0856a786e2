"""LoopixMix: a Loopix mix network that people can run and build on."""

__version__ = "0.1.0"
