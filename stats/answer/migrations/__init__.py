"""The history of a respondent's store."""
