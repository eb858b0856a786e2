"""A program in its directory: lock, clock, signals, log, status file, orderly end.

What a program of this network, or an application that brings one of its own, takes from here:

- `program`: `Program`, which it is, and `World`, which it is given.
- `main.run_program`: runs one until a signal or a failure ends it. Only `main` modules may import it.
- `status`: a status file that is renewed every second.
- `files`: atomic, private and locked files. `log.LogSettings`: the `[log]` section of a configuration.
- `backoff.Backoff` and `pause.Pause`: waiting between attempts, on the clock of the `World`.
"""
