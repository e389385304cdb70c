"""How a patient is written to: by their own wish, else as the clinic does. Every app that writes asks here."""

from patients.choices import MessageChannel
from patients.models import Patient
from synapse.accounts.models import ClinicSettings
from synapse.common.errors import DomainError
from synapse.notifications import sms
from synapse.notifications.outgoing import EMAIL, SMS

_CHANNELS: dict[str, tuple[str, ...]] = {
    MessageChannel.EMAIL: (EMAIL,),
    MessageChannel.SMS: (SMS,),
    MessageChannel.BOTH: (EMAIL, SMS),
}


class CannotSend(DomainError):
    """No message can go to this patient; the sentence says why and what to do."""

    code = "cannot_send"


def reader_of(patient: Patient) -> Patient:
    """Return the record whose address and wishes count: the kept one of two merged ones."""
    return patient.kept_record


def channels_of(patient: Patient, clinic: ClinicSettings) -> tuple[str, ...]:
    """Return how a patient is written to: by their own wish, else as the clinic does; nothing that is not offered."""
    reader = reader_of(patient)
    if reader.messages_stopped_at is not None:
        return ()
    wish = reader.message_channel or clinic.message_channels
    return tuple(channel for channel in _CHANNELS.get(wish, ()) if channel != SMS or sms.is_offered())


def address_of(patient: Patient, channel: str) -> str:
    """Return the patient's address on a channel, or nothing."""
    reader = reader_of(patient)
    return reader.email if channel == EMAIL else reader.phone_primary


def link_channel_of(patient: Patient, clinic: ClinicSettings) -> str:
    """Return the one channel a link goes on that somebody asks for by hand.

    The patient's own wish is kept; where only the clinic chose, an address on the other channel will do. Of two the
    SMS is taken: a second message would hold a second token. Raises CannotSend.
    """
    reader = reader_of(patient)
    if reader.messages_stopped_at is not None:
        raise CannotSend("The patient wants no messages. Ask in the room, or change that under Messages.")
    wanted = set(channels_of(patient, clinic))
    offered = [channel for channel in (SMS, EMAIL) if channel != SMS or sms.is_offered()]
    others = [] if reader.message_channel else [channel for channel in offered if channel not in wanted]
    for channel in [*(channel for channel in offered if channel in wanted), *others]:
        if address_of(patient, channel):
            return channel
    missing = {EMAIL: "e-mail address", SMS: "mobile number"}
    names = " or ".join(missing[channel] for channel in (EMAIL, SMS) if channel in {*wanted, *others})
    raise CannotSend(f"The patient has no {names or 'address'} a link could go to. Add it to the profile first.")
