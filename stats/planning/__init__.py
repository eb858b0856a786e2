"""Before anybody answers: what a survey will tell, what people will see, and how they are invited."""
