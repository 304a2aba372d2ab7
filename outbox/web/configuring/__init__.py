"""The configuration page of a connector: its form read, shown, previewed, tested and saved."""
