"""What models see of a bar: indicators and context inputs. A module in this package is found by itself."""
