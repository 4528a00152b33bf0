"""What functions and plugins both must know: names, labels, states, outcomes, who uses a user.

The zips carry it as custom_resources.contract, the collection and the deploy image as
ansible_collections.quayside.fargate.custom_resources.contract. So its rooms import nothing but
Python's own, and each other relatively; clients are given to them, and their errors are for whoever
gave them.
"""
