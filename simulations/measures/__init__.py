"""What is measured, and what many replicates together say of it."""
