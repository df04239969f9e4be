"""The composition root: the only place that knows every family and puts a training together."""
