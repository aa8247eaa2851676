"""What editors ask of a model: the language server `ebm lsp`, and the colours of its words."""
