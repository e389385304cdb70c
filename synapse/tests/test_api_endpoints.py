"""The specification's list of addresses, verbs and fields, held against the API's own document."""

import pytest
from drf_spectacular.generators import SchemaGenerator

# Section 7.1 of the data model, then what the contract adds. `:id` stands for any id.
ENDPOINTS = """
GET    /patients/
POST   /patients/
GET    /patients/:id/
PUT    /patients/:id/
PATCH  /patients/:id/
DELETE /patients/:id/
GET    /patients/:id/sessions/
GET    /patients/:id/appointments/
GET    /patients/:id/bills/
GET    /patients/:id/reports/
POST   /sessions/
GET    /sessions/:id/
PUT    /sessions/:id/
PATCH  /sessions/:id/
POST   /sessions/:id/complete/
DELETE /sessions/:id/
GET    /sessions/:id/transcription/
POST   /sessions/:id/generate-report/
GET    /transcriptions/:id/
PUT    /transcriptions/:id/
PATCH  /transcriptions/:id/
POST   /transcriptions/:id/regenerate/
GET    /reports/:id/
PUT    /reports/:id/
PATCH  /reports/:id/
POST   /reports/:id/sign/
POST   /reports/:id/export/
POST   /reports/:id/share/
GET    /appointments/
POST   /appointments/
GET    /appointments/:id/
PUT    /appointments/:id/
PATCH  /appointments/:id/
POST   /appointments/:id/confirm/
POST   /appointments/:id/cancel/
POST   /appointments/:id/reschedule/
POST   /appointments/:id/complete/
GET    /bills/
POST   /bills/
GET    /bills/:id/
PUT    /bills/:id/
PATCH  /bills/:id/
POST   /bills/:id/payment/
POST   /bills/:id/send-reminder/
GET    /bills/:id/pdf/
GET    /templates/
POST   /templates/
GET    /templates/:id/
PUT    /templates/:id/
PATCH  /templates/:id/
DELETE /templates/:id/
GET    /profile/
PUT    /profile/
PATCH  /profile/

POST   /auth/token/
DELETE /auth/token/
GET    /sessions/
GET    /transcriptions/
GET    /reports/
POST   /appointments/:id/start/
POST   /appointments/:id/no-show/
POST   /reports/:id/review/
POST   /reports/:id/amend/
GET    /reports/:id/evidence/
POST   /bills/:id/send/
POST   /bills/:id/cancel/
POST   /bills/:id/refund/
GET    /bills/:id/ledger/
GET    /ledger/
GET    /patients/:id/audit/
GET    /patients/:id/shares/
POST   /patients/:id/shares/
DELETE /patients/:id/shares/:id/
GET    /patients/:id/consents/
POST   /patients/:id/consents/
POST   /patients/:id/consents/:id/withdraw/
POST   /patients/search/
GET    /sessions/:id/audio/
POST   /sessions/:id/audio/
GET    /availability/
GET    /free-slots/
GET    /webhooks/
POST   /webhooks/
GET    /webhooks/:id/
PATCH  /webhooks/:id/
DELETE /webhooks/:id/
"""

# The contract's table of names, by the component of the document that holds them.
FIELDS = {
    "Profile": "user first_name last_name email phone license_number specialization organization clinic_name "
    "clinic_address logo timezone language notification_settings role",
    "Patient": "id patient_id first_name last_name date_of_birth age gender phone_primary phone_secondary email address "
    "blood_group allergies has_allergies medical_history current_medications occupation marital_status "
    "preferred_language emergency_contact_name emergency_contact_phone emergency_contact_relationship "
    "insurance_provider insurance_policy_number insurance_group_number notes tags created_by archived_at",
    "Consent": "id kind method status text_version text_hash given_at recorded_by expires_at withdrawn_at",
    "Session": "id session_id patient doctor appointment session_type telehealth status chief_complaint session_notes "
    "started_at ended_at paused_at resumed_at duration_minutes audio_url audio_duration_seconds audio_size_bytes "
    "audio_format audio_quality_score recording_settings stt_settings billing_code billing_amount",
    "Transcription": "id session status transcript_text original_transcript segments speakers stt_service stt_model "
    "language confidence_score word_count character_count processing_seconds manually_corrected corrected_by "
    "corrected_at correction_notes error_message retry_count",
    "Template": "id slug name description doctor structure ai_prompt is_default is_active is_public usage_count "
    "last_used_at version parent",
    "Report": "id session template transcription report_type status version sections content scores missing unassigned "
    "ai_model prompt_version content_hash reviewed_by reviewed_at signed_by signed_at generated_content "
    "structured_data generation_started_at generation_completed_at generation_seconds manual_corrections "
    "correction_notes manually_edited exported_formats shared_with created_at",
    "Appointment": "id patient doctor session scheduled_at duration_minutes timezone appointment_type status priority "
    "chief_complaint notes preparation_instructions location estimated_cost copay_amount insurance_verified "
    "reminder_sent reminder_at confirmation_required confirmed_at confirmed_by cancelled_at cancelled_by "
    "cancellation_reason rescheduled_from rescheduled_to reschedule_reason completed_at",
    "Bill": "id bill_number patient session appointment bill_type status currency line_items subtotal discount_amount "
    "tax_rate tax_amount total_amount paid_amount outstanding_amount bill_date due_date payment_terms "
    "primary_diagnosis_code procedure_codes insurance_claim_number insurance_provider insurance_covered_amount "
    "patient_responsibility copay_amount deductible_amount payment_history payment_method last_payment_date notes "
    "internal_notes payment_instructions reminder_sent_count last_reminder_sent_at collection_status pdf_url "
    "exported_formats generated_by processed_by",
}


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def _shape(path):
    return "/".join(":id" if part.startswith("{") else part for part in path.removeprefix("/api/v1").split("/"))


def test_every_address_answers_to_every_verb_of_the_specification(document):
    served = {f"{method.upper()} {_shape(path)}" for path, methods in document["paths"].items() for method in methods}
    wanted = {" ".join(line.split()) for line in ENDPOINTS.split("\n") if line}
    assert sorted(wanted - served) == []


@pytest.mark.parametrize("component", FIELDS)
def test_every_field_of_the_specification_is_there(document, component):
    properties = document["components"]["schemas"][component]["properties"]
    assert sorted(set(FIELDS[component].split()) - properties.keys()) == []


def test_every_address_says_what_it_does_and_how_it_refuses(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), f"{method} {path} has no summary"
            assert {"400", "429"} <= operation["responses"].keys(), f"{method} {path}"
