"""What every resource of `/api/v1/` shares. It knows no resource; the apps above write those in their `api` package.

A resource is a serializer and a viewset:

    class ThingSerializer(ResourceSerializer[Thing]):
        class Meta:
            model = Thing
            fields = ("id", "name", "patient", "created_at")
            read_only_fields = ("patient", "created_at")

    class ThingViewSet(Creates, Updates, Deletes, ScopedViewSet[Thing]):
        model = Thing
        serializer_class = ThingSerializer
        needs = {"*": Permission.VIEW_THINGS, "create": Permission.EDIT_THINGS}

        def create_object(self, fields):
            return services.make_thing(**fields, by=self.request.user, at=timezone.now())

Rows come from `visible_to(user)`: out of scope is 404. `needs` names the capability of an action
(or several, of which one is enough): without it 403. The
serializer leaves out what the role may not read, and answers 400 for what it may not write. Errors are the product's
`DomainError`s, put into the one shape by `errors`. Audit, paging, filters, `ETag` and `If-Match`, `Idempotency-Key`
and throttles come with the base.
"""
