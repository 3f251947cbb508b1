"""TensorRT: plans for NVIDIA GPUs, and a gate that tries our graphs on a CPU with TensorRT-RTX."""
