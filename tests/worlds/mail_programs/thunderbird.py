"""Thunderbird under Xvfb: the profile of a bridge, a mail sent by its composer, a mail read in its window."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.worlds.mail_programs.mail_networks import MailSettings
from tests.worlds.mail_programs.marionette import Marionette

PROGRAMS = ("thunderbird", "Xvfb", "strace")
START_S, END_S = 180.0, 30.0

_CONNECT = re.compile(r"connect\(\d+, \{sa_family=AF_INET6?, .*?sin6?_port=htons\((\d+)\).*?\"([^\"]+)\"")
_DRIVEN = """\
user_pref("marionette.port", {port});
user_pref("mail.rights.version", 1);
user_pref("app.donation.eoy.version.viewed", 999);
user_pref("mail.server.server1.login_at_startup", false);
user_pref("mail.server.server1.check_new_mail", false);
user_pref("mail.server.server2.login_at_startup", false);
user_pref("mail.server.server2.check_new_mail", false);
"""
"""How it is driven. The last ones: it would ask for passwords in a window before anything can be done."""
# The two passwords, as if they had been typed into the two questions for them and kept.
_LOG_IN = """
const [user, password, done] = arguments;
(async () => {
  for (const scheme of ["imap", "smtp"]) {
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    login.init(scheme + "://127.0.0.1", null, scheme + "://127.0.0.1", user, password, "", "");
    await Services.logins.addLoginAsync(login);
  }
})().then(() => done(""), error => done(String(error)));
"""
_SEND = """
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const [user, to, subject, body, done] = arguments;
const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
Object.assign(fields, {to, subject, body});
params.composeFields = fields;
params.format = Ci.nsIMsgCompFormat.PlainText;
params.type = Ci.nsIMsgCompType.New;
params.identity = MailServices.accounts.accounts.find(
  account => account.incomingServer.username == user).defaultIdentity;
const main = Services.wm.getMostRecentWindow("mail:3pane");
Services.ww.registerNotification(function opened(win, topic) {
  if (topic != "domwindowopened") return;
  win.addEventListener("compose-editor-ready", async () => {
    Services.ww.unregisterNotification(opened);
    await new Promise(resolve => main.setTimeout(resolve, 1000));
    win.goDoCommand("cmd_sendNow");
    for (let tries = 0; tries < 100 && !win.closed; tries++)
      await new Promise(resolve => main.setTimeout(resolve, 500));
    done(win.closed ? "" : "the window of the composer is still open");
  }, {once: true});
});
MailServices.compose.OpenComposeWindowWithParams(null, params);
"""
_READ = """
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const [user, subject, seconds, done] = arguments;
const win = Services.wm.getMostRecentWindow("mail:3pane");
const root = MailServices.accounts.accounts.find(
  account => account.incomingServer.username == user).incomingServer.rootFolder;
const pause = ms => new Promise(resolve => win.setTimeout(resolve, ms));
(async () => {
  const tabmail = win.document.getElementById("tabmail");
  const pane = tabmail.currentAbout3Pane;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(1000)) {
    const inbox = root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
    if (!inbox) { root.server.performExpand(null); continue; }
    if (pane.gFolder != inbox) pane.displayFolder(inbox.URI);
    inbox.getNewMessages(null, null);
    const view = pane.gDBView;
    for (let row = 0; view && row < view.rowCount; row++) {
      if (view.getMsgHdrAt(row).mime2DecodedSubject != subject) continue;
      pane.threadTree.selectedIndex = row;
      await pause(3000);
      return tabmail.currentAboutMessage.getMessagePaneBrowser().contentDocument.body.textContent;
    }
  }
  return "";
})().then(done, error => done("failed: " + error));
"""


class Thunderbird:
    """One Thunderbird that runs."""

    def __init__(self, marionette: Marionette, user: str, trace: Path) -> None:
        """`user`: the account that is used. `trace`: what strace writes."""
        self._user = user
        self._marionette = marionette
        self._trace = trace

    def send(self, to: str, subject: str, text: str) -> None:
        """Write a mail in the composer and press Send."""
        trouble = self._marionette.script(_SEND, self._user, to, subject, text)
        assert trouble == "", trouble

    def read(self, subject: str, *, within_s: float) -> str:
        """Open the mail of this subject as soon as it is in the inbox; return what the window shows of it."""
        return str(self._marionette.script(_READ, self._user, subject, within_s))

    def screenshot(self) -> bytes:
        """Return what the main window looks like."""
        return self._marionette.screenshot()

    def connections(self) -> set[tuple[str, int]]:
        """Return all addresses and ports that it has tried to reach."""
        return {(address, int(port)) for port, address in _CONNECT.findall(self._trace.read_text(errors="replace"))}


@contextmanager
def display() -> Iterator[str]:
    """A screen that nobody sees."""
    # It takes a number that is free, and tells it once it listens.
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1200x800x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert server.stdout is not None
        with server.stdout:
            number = server.stdout.readline().decode().strip()
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def thunderbird(directory: Path, screen: str, account: MailSettings, *, port: int) -> Iterator[Thunderbird]:
    """Run Thunderbird in `directory` with the profile that the bridge has made; `port`: where it is driven."""
    profile = directory / "profile"
    shutil.copytree(account.thunderbird_profile, profile)
    with (profile / "user.js").open("a") as preferences:
        preferences.write(_DRIVEN.format(port=port))
    trace = directory / "connections.txt"
    program = ["thunderbird", "--profile", str(profile), "--no-remote", "-marionette", "-remote-allow-system-access"]
    with (directory / "log.txt").open("wb") as log:
        running = subprocess.Popen(
            ["strace", "-f", "-qq", "-e", "trace=connect", "-o", str(trace), *program],
            env=os.environ | {"DISPLAY": screen, "HOME": str(directory)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            with contextlib.closing(Marionette(port, within_s=START_S)) as marionette:
                trouble = marionette.script(_LOG_IN, account.user, account.password)
                assert trouble == "", trouble
                yield Thunderbird(marionette, account.user, trace)
        finally:
            _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    # All of its session: strace hands no signal on to what it follows.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGTERM)
    try:
        running.wait(END_S)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
