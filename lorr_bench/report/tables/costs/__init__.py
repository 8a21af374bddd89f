"""What arms and stages used."""
