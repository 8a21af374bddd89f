"""The figures of a report, one file a figure, and what they share: styles, panels, axes, fitting texts."""
