"""The commands of a voter: to vote, and to find a ballot in what is published."""
