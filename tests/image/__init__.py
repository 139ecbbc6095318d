"""The image, built and run for real (`make image-test`); not collected with the other tests."""
