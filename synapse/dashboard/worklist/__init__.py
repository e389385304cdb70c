"""Everything that waits for a person, from every part of the product, each one press from done.

A source is a module beside this one: which rows wait (a queryset over plain columns, in the person's scope), how a row
reads, and what can be done with it in place. To add one, write its module and name it in `registry.SOURCES`; the page,
the count in the navigation, "Needs attention" on the home page, the keys and the door that acts follow from it.
"""
