"""Clients of the API for tests: JSON in, signed in by session or by token."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from synapse.accounts.models import User


@pytest.fixture
def api(db: None) -> Callable[[User], APIClient]:
    """Return `api(user)`: a client of the API in the person's browser session; what it posts is JSON."""

    from rest_framework.test import APIClient

    def sign_in(user: User) -> APIClient:
        client = APIClient()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def bearer(db: None) -> Callable[..., APIClient]:
    """Return `bearer(user, scopes=[…])`: a client that sends a token of the person."""
    from rest_framework.test import APIClient

    from synapse.accounts import tokens

    def sign_in(user: User, *, scopes: Iterable[str]) -> APIClient:
        made = tokens.create_token(
            user, name="test", scopes=scopes, lifetime=timedelta(days=1), by=user, at=timezone.now()
        )
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.secret}")
        return client

    return sign_in


@pytest.fixture
def count_queries(db: None) -> Callable[[Callable[[], Any]], int]:
    """Return `count_queries(do)`: how many queries it takes."""

    def count(do: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            do()
        return len(captured)

    return count
