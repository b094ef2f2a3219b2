"""What people and programs see: the feed, HTTP, SSE and the pages."""
