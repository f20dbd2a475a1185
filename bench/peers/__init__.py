"""The two sides that bench/start.py and bench/cell.py compare, and the Jupyter client that speaks to both of them."""
