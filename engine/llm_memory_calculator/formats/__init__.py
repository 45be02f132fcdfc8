"""Number formats: what a weight and a cached value take, which weight has which, and what files of weights hold."""
