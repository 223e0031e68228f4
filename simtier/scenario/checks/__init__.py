"""What must hold between the parts of a scenario: one small file a subject, each a function from facts to problems."""
