"""Power of servers that share a budget: the meter, caps that take a while to act, and the brake."""
