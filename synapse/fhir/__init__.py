"""FHIR R4 (4.0.1), to read: what this person may see of the clinic, as resources other systems know.

`resources` maps rows to plain dicts, one module a resource, and asks nothing. `kinds` says which rows of each resource
a person may see and how they are searched; `search` and `everything` page through them; `views` is the door.
"""
