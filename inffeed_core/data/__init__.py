"""Files to examples and examples to files. Knows no store, no model and no page.

reading.read          a file or an upload → Table: named columns, rows of plain cells
options               which column is what; a guess to start from
converting            Table + options → examples, or ImportRefused with row-numbered problems
writing               rows → a file, atomically
formats               a file for each format; `formats.known` lists them
"""
