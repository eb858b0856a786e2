"""The respondent's pages: consent, questions, a look at what is sent, what became of it, the privacy budget."""
