"""OpenVINO IR: an ONNX artifact as OpenVINO's own format, in FP32 or INT8."""
