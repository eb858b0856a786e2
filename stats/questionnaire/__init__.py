"""What is asked: drafts, frozen questionnaires, and what they give away before anybody answers."""
