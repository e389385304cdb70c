"""FHIR R4 (4.0.1): what a report, and what it points to, is as resources.

`document` puts them into a Bundle that stands alone; the server of `synapse.fhir` hands them out one by one. The
mapping is here and once: `composition` for the report, `people` for whom and what it names, `values` for their parts.
"""

from reports.writers.fhir.document import fhir_document

__all__ = ["fhir_document"]
