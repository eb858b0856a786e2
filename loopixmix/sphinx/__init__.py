"""Sphinx packets: wrap, unwrap and reply blocks, by two engines that agree byte for byte."""
