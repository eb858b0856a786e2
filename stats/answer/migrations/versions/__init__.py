"""Each version of a respondent's store, from the first one on."""
