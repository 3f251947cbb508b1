"""Forms a result can be turned into: pictures, polygons, run lengths, a table's row, files; each loads when needed."""
