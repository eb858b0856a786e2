"""The rules of a record, as values: each fault is a sentence that names the field and what is allowed."""
