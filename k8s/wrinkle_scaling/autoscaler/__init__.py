"""The rules by which Kubernetes and KEDA choose a number of replicas."""
