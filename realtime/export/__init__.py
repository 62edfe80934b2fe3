"""Sessions for others to see: in other programs' formats (`formats.export`), and as a picture
(`plot.plot`)."""
