"""Autoscaling on paper: a discrete-event model of our service on Kubernetes, and the plan it gives.

``arrivals/`` when photographs come; ``replica/`` what one replica does with them; ``autoscaler/`` the rules of the
Horizontal Pod Autoscaler and KEDA; ``cluster/`` pods, balancer, metrics; ``simulation.py`` joins them; ``outcome/``
what came of it; ``planning/`` from one replica's figures to a fleet; ``commands/`` the command line.
"""
