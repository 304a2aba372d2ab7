"""What the pages and the API read: each question limited to the business units that its asker may see."""
