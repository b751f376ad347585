"""Looking over data sets without training: what is there, and what of it would make a number wrong."""
