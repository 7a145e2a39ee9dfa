"""What runs left: the record and page of one, runs joined, the published tables."""
