"""Checks of the Helm chart that need no cluster.

``tools.py`` fetches helm and kubectl; ``rendering.py`` renders the chart, ``matrix.py`` with the values of
``sample_values/`` and every profile; ``api_schemas.py`` compares objects with the schemas of Kubernetes, and with our
own of the custom resources (``crd_schemas/``); ``policy.py`` runs checkov; ``values_reference.py`` and ``generated.py``
write what is made from the chart. Assertions about the rendered objects are tests, in tests/k8s.
"""
