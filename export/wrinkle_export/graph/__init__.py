"""A network as an ONNX graph: traced, folded, and in the precisions that runtimes take."""
