"""Tables whose rows are methods: all plug-ins beside each other, and the table of a paper."""
