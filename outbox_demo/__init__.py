"""The demonstration: a contract application, its receivers, and three independent books over what was reported."""
