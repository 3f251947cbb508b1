"""The images on Debian really built, the chart's pod and batch jobs really run, without Docker and without a cluster.

``base_image.py`` makes a stand-in for the base image from Debian's packages; ``build.py`` builds images with buildah;
``pod.py`` turns the chart's Deployment into a Pod that podman can play, and lists what it had to substitute;
``node.py`` does what a node does: volumes, an address, probes, an orderly stop; ``batch_pod.py`` runs a pod of a batch
Job. ``engine.py`` runs buildah and podman with a storage of their own. Root and Debian's packages are needed;
docs/kubernetes-live.md has commands and figures.
"""
