"""The door of the queue, under the name by which it was known first: see `leap_plugin.mail.submitting`.

The door itself stands with the mails: the bridge uses it, the store uses the bridge's folders, and the queue uses the
store, so that a door in this folder would close a circle.
"""

from leap_plugin.mail.submitting import Announcement as Announcement
from leap_plugin.mail.submitting import RcptTo as RcptTo
from leap_plugin.mail.submitting import SubmissionRefusedError as SubmissionRefusedError
from leap_plugin.mail.submitting import Submissions as Submissions
from leap_plugin.mail.submitting import SubmittedMail as SubmittedMail
