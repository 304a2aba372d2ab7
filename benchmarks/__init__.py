"""What the product's speed is, measured: `make bench` prints one table, with its conditions."""
