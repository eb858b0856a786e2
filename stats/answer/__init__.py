"""A respondent's side: the invitation, the privacy budget, the answers, and the reports on their way."""
