"""What the API takes and gives, one module per noun. The Python client has the same shapes under the same names."""
