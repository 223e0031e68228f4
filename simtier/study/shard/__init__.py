"""One run in parts that do not interact: `running` plays it, `plan` says what interacts, `join` puts rows in the order of one world."""
