"""What the command line needs beside the library: bindings and data from words and files."""
