"""The issuer: signs the tokens of a survey for those who may answer, and never learns what becomes of them."""
