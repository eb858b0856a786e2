"""The parts of `client.testing`, from which they are to be imported."""
