"""What papers about serving language models claim, each as a function that runs simtier and returns its own figure."""
