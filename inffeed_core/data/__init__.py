"""Files to examples and examples to files. Knows no store, no model and no page.

    reading.read          a file or an upload → Table: named columns, rows of plain cells
    options               which column is what; a guess to start from
    converting            Table + options → examples, or ImportRefused with row-numbered problems
    writing               rows → CSV, TSV, JSON lines or Parquet, atomically

Each format has a module that reads and writes it: `delimited`, `jsonlines`, `parquet`; `excel` only reads.
"""
