"""Mail programs that were not written here, driven as people use them."""
