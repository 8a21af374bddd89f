"""What an adapter offers, and how adapters are found."""
