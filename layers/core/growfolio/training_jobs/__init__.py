"""Requests for training runs, and the AWS Batch jobs that carry them out."""
