"""The product's settings, with two plain views beside its own: what Django itself costs."""

from synapse.settings import *  # noqa: F403

ROOT_URLCONF = "bench._floor_urls"
