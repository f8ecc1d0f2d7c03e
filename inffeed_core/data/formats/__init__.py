"""One file for each format of data files; `known` lists them."""
