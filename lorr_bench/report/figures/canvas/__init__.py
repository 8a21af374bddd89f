"""What every figure is drawn on: its page, panels, scales, fitting text, and its SVG file."""
