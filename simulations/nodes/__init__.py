"""The engine `nodes`: the deployed services in virtual time."""
