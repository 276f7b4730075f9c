"""Speaking with storefronts: what the worker and the timer do with their REST API."""
