"""The official files of data sets with known factors, as published."""
