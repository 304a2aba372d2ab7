"""What people ask by the pages and the API: reads, each within the business units that its asker is limited to."""
