"""The routes of the local API, by what they are about; each is a call of `client.api.Client`."""
