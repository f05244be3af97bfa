"""What the three bench commands share: sections, pages, options, and a system whose services can fail."""
