"""What taking an agreement back does, told before it is pressed; `synapse.workflows` does it."""

from patients.models import Consent

Kind = Consent.Kind

EFFECTS = {
    Kind.RECORDING: "A recording that runs stops at once, in every open window; an upload is dropped. What was recorded "
    "before follows the rules for keeping it.",
    Kind.AI_NOTE: "From now on no outside service gets sound or words of this patient. The clinic’s own engine writes.",
    Kind.KEEP_AUDIO: "Recordings of signed reports are deleted within the hour, the others when their report is signed, "
    "at the latest after the clinic’s days.",
    Kind.TELEHEALTH: "Booked video visits stay booked and are marked, so that somebody changes them to visits here.",
    Kind.DATA_SHARING: "Links to reports that are open to other providers close at once. A link somebody gave a reason "
    "of their own for stays open.",
    Kind.TREATMENT: "It is written down that the patient no longer agrees. Booked visits stay until somebody changes them.",
    Kind.HIPAA_NOTICE: "It is written down that the patient does not confirm the notice. Nothing is blocked by it.",
}
