"""What a respondent's machine keeps: surveys, reports on their way, permanent responses, the privacy budget."""
