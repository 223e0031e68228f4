"""Networks written as architectures; their operations, weights and crossing tensors are counted, never typed in."""
