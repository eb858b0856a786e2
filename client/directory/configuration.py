"""The directory of a client: its configuration, and how a new one is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from client.core.settings import ClientSettings, TokenWaits
from client.directory.keys import ClientKeys, create_keys, load_keys
from client.link.floors import Acceptance
from loopixmix.config import commented_toml, load_config, load_editable, load_trust_root
from loopixmix.directory import TrustRoot
from loopixmix.errors import ConfigError
from loopixmix.process.files import create_file, make_directory, write_atomically
from loopixmix.process.log import LogSettings
from loopixmix.seams import Rng
from loopixmix.store.sealing import StoreKey, sqlcipher

CONFIG_FILE = "client.toml"
TRUST_ROOT_FILE = "network.toml"
STORE_FILE = "client.db"
DOCUMENT_FILE = "document"
USUAL_WAITS = TokenWaits()

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class ApiConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[api]`: the local HTTP API listens on `port` of loopback, on any free one for 0."""

    port: Port = 0


class ClientConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`client.toml`. `network` is the trust root, a path from the client's directory.

    `sealed_store`: whether the store is encrypted, with a key that follows from the client's.
    """

    network: str = TRUST_ROOT_FILE
    sealed_store: bool = False
    api: ApiConfig = ApiConfig()
    client: ClientSettings = ClientSettings()
    log: LogSettings = LogSettings()


@dataclass(frozen=True)
class ClientDirectory:
    """A client's directory as it was read: nothing in it is left to be checked but the store."""

    path: Path
    config: ClientConfig
    trust_root: TrustRoot
    keys: ClientKeys

    @property
    def acceptance(self) -> Acceptance:
        """Which networks the client takes part in: floors count unless the trust root is a test network's."""
        return Acceptance.TEST if self.trust_root.test else Acceptance(self.config.client.floors)

    @property
    def store_key(self) -> StoreKey | None:
        """The key of the store; None if it is not to be sealed."""
        return self.keys.store_key if self.config.sealed_store else None


def load_client(path: Path) -> ClientDirectory:
    """Read the directory of a client; raise `ConfigError` in one clear line if it is not complete and right.

    Raises `StoreError` if its store is to be sealed, and SQLCipher is not installed.
    """
    config = load_client_config(path)
    if config.sealed_store:
        sqlcipher()
    return ClientDirectory(path, config, load_trust_root(path / config.network), load_keys(path))


def load_client_config(path: Path) -> ClientConfig:
    """Read the configuration in the directory of a client; raise `ConfigError`."""
    check_client(path)
    return load_config(path / CONFIG_FILE, ClientConfig)


def set_sealed(path: Path) -> None:
    """Have the store of a client sealed from its next start on; comments and all else stay. Raises `ConfigError`."""
    # Only programs that seal need it, and every short command imports this module.
    import tomlkit

    file = path / CONFIG_FILE
    values = load_editable(file)
    values["sealed_store"] = True
    write_atomically(file, tomlkit.dumps(values).encode())


def check_client(path: Path) -> None:
    """Raise `ConfigError` if `path` is no client's directory."""
    if not (path / CONFIG_FILE).is_file():
        raise ConfigError(f"{path} is no client's directory: make one with  loopixmix client init DIR --network FILE")


def create_client(
    path: Path,
    *,
    network: Path,
    api_port: int,
    rng: Rng,
    token_waits: TokenWaits = USUAL_WAITS,
    gateway: bool = False,
    sealed: bool = False,
) -> TrustRoot:
    """Make a new client in `path`, with new keys and a copy of the trust root `network`; return that.

    `token_waits`: others than the usual ones are for test networks. `gateway`: whether it is one. `sealed`: whether
    its store is. Raises `ConfigError` if there is a client already, which is never overwritten, and `StoreError` if
    stores cannot be sealed here.
    """
    trust_root = load_trust_root(network)
    if sealed:
        sqlcipher()
    if (path / CONFIG_FILE).exists():
        raise ConfigError(f"{path / CONFIG_FILE}: exists already and is never overwritten")
    make_directory(path)
    # `init . --network network.toml` names the file that would be copied onto itself.
    if network.resolve() != (path / TRUST_ROOT_FILE).resolve():
        create_file(path / TRUST_ROOT_FILE, network.read_bytes())
    create_keys(path, rng)
    create_file(path / CONFIG_FILE, config_text(api_port, token_waits, gateway=gateway, sealed=sealed).encode())
    return trust_root


COMMENTS = {
    "network": "The trust root: whose word on the network counts. A path from this directory.",
    "sealed_store": """\
Encrypt the store, client.db: without sealing.key nothing can be read of messages, contacts and requests but how large
the file is. One that exists is encrypted at the next start; there is no way back. Needs the extra `sealed`.""",
    "api.port": """\
The port of the local HTTP API on loopback; 0 takes any free one. Where it is now is in the file api.url.""",
    "client.receipts": """\
Tell contacts that their messages came, a random time later (mean, in seconds). It also tells that you are online.""",
    "client.reply_blocks": "Reply blocks in an anonymous message: each carries one fragment of an answer.",
    "client.give_up_s": "A message that is not acknowledged is given up after this long.",
    "client.longest_retry_s": "Until then it is sent again, at the latest after this long.",
    "client.max_queued_messages": "How much may wait to be sent.",
    "client.keep_finished_s": """\
How long a sent message can be looked up after it was stored, failed or was cancelled (seconds): to whom, when, how long
it was. Its text is not kept once it has left.""",
    "client.keep_finished_messages": "How many such messages are kept: beyond it those that ended first go earlier.",
    "client.keep_received_s": """\
How long received messages are kept, whether or not they were read (seconds); then they are deleted for good.""",
    "client.keep_received_bytes": """\
How much received messages may take (bytes). Beyond it the oldest ones that were read, or that a program has handled,
are deleted earlier. If unread ones alone take so much, the client takes no more: further mail waits at the provider,
whose mailbox is bounded too, and the status says so.""",
    "client.patience_s": """\
How long registering and looking up wait for the network; at most 15 s while no authority gives a document.""",
    "client.tokens.fetch_mean_s": """\
Blind tokens are fetched a random time after they were ordered, and may be spent a random time after that (means, in
seconds). Issuer and redeemer together would match short ones: shorten them on a test network only.""",
    "client.gateway": """\
Send and pull at the rates that the provider lists for this client in the network document, if it does. Everybody can
tell then who it is: a gateway does not hide, its users do.""",
    "client.floors": """\
What to do with a network that has fewer layers, mixes, delays or cover than docs/protocol/floors.md asks for: "refuse"
to take part, or "warn", which goes on and stays a problem in the status. Of test networks nothing is asked.""",
    "log.format": "text or json; and the least that is logged: debug, info, warn or error.",
}
"""The comment above each key of `client.toml`."""


def config_text(
    api_port: int, token_waits: TokenWaits = USUAL_WAITS, *, gateway: bool = False, sealed: bool = False
) -> str:
    """Return the first content of `client.toml`: every key, with what it does."""
    settings = ClientSettings(tokens=token_waits, gateway=gateway)
    values = msgspec.to_builtins(ClientConfig(sealed_store=sealed, api=ApiConfig(port=api_port), client=settings))
    head = """\
A LoopixMix client. Changes count from its next start; check them with  loopixmix client run DIR --check-config"""
    return commented_toml(values, head=head, comments=COMMENTS)
