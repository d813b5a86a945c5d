"""Deploys a stage: Chalice packages it, CloudFormation carries it out."""
