"""What is kept of every customer: columns in blocks, and files to start again from."""
