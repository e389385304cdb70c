"""Examples for the documentation of reports."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_SENTENCE: dict[str, Any] = {
    "id": "s4",
    "text": "Sleep is a bit better; wakes around 4 a.m. about three nights a week.",
    "origin": "ai",
    "evidence": [
        {
            "segment": 4,
            "start_ms": 12000,
            "end_ms": 15600,
            "speaker": "patient",
            "quote": "A bit better. I still wake up around four in the morning, maybe three nights a week.",
        }
    ],
    "support": "supported",
    "flags": [],
}
_SECTION: dict[str, Any] = {
    "id": "subjective",
    "title": "Subjective",
    "status": "documented",
    "sentences": [_SENTENCE],
    "subsections": [],
}
REPORT = OpenApiExample(
    "A draft with evidence",
    value={
        "id": "0b0f6f0e-6d0b-4a53-9d0c-2d8b0d2f5a11",
        "session": "f6a1c1c4-30f5-4a0e-8a61-50f2d6a3b7c2",
        "patient": "5a1d8f3e-7f7b-4e0e-9d7b-0c3d5c1e2f4a",
        "template": "9d2a3b4c-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
        "transcription": "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
        "report_type": "followup",
        "status": "completed",
        "version": 1,
        "sections": [_SECTION],
        "content": "Subjective\nSleep is a bit better; wakes around 4 a.m. about three nights a week.",
        "scores": {"completeness": 0.92, "quality": 0.95, "confidence": 0.9},
        "missing": [],
        "unassigned": [],
        "risk_statements": [],
        "ai_model": "embedded",
        "content_hash": "",
        "reviewed_by": None,
        "reviewed_at": None,
        "signed_by": None,
        "signed_at": None,
    },
    response_only=True,
    status_codes=["200"],
)
EDIT = OpenApiExample(
    "Change one sentence, confirm one, remove one, add one",
    value={
        "sentences": [
            {"id": "s4", "text": "Sleep is better; wakes around 4 a.m. three nights a week."},
            {"id": "s7", "support": "confirmed"},
            {"id": "s9", "removed": True},
            {"section": "plan", "text": "Blood pressure at the next visit."},
        ],
        "dispositions": [{"id": "r1", "disposition": "denied"}],
        "correction_notes": "Frequency corrected after reading it back.",
    },
    request_only=True,
)
SIGNING = OpenApiExample("Sign", value={"password": "the signer's password", "otp": "123456"}, request_only=True)
AMENDING = OpenApiExample(
    "Amend", value={"reason": "Dose corrected after the pharmacy called."}, request_only=True, status_codes=["201"]
)
EXPORT = OpenApiExample("As PDF", value={"format": "pdf"}, request_only=True)
SHARING = OpenApiExample(
    "For the patient, three days, with a PIN",
    value={"with": "patient", "email": "kavya.iyer@example.com", "expires_in_hours": 72, "pin": "493817"},
    request_only=True,
)
GENERATING = OpenApiExample("As a SOAP note", value={"report_type": "consultation"}, request_only=True)
TEMPLATE = OpenApiExample(
    "A template of one's own",
    value={
        "name": "Short follow-up",
        "description": "For visits of 15 minutes",
        "structure": {
            "sections": [
                {"id": "course", "title": "Course", "required": True, "type": "text", "maps_to": ["history"]},
                {
                    "id": "plan",
                    "title": "Plan",
                    "required": True,
                    "type": "structured",
                    "subsections": [
                        {"id": "medications", "title": "Medications", "maps_to": ["plan_medications"]},
                        {"id": "next_visit", "title": "Next visit", "maps_to": ["follow_up"]},
                    ],
                },
            ]
        },
        "ai_prompt": "Write short sentences.",
    },
    request_only=True,
)
