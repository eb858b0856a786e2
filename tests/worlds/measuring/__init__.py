"""Modules that measure, for tests of the benchmarks themselves: good ones and bad ones."""
