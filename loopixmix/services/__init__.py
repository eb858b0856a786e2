"""Services: a core, a clock, a network and a store put together."""
