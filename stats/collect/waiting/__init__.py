"""Reports that wait for others: in slots of files, which tell neither when one came nor which came first."""
