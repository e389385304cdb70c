"""Mails about bills. They name the invoice and what is to pay; no visit, no service, no diagnosis."""

from billing.invoice import doctor_of
from billing.models import Bill
from billing.money import format_money
from reports.rendering import header_of
from synapse.common import jobs
from synapse.common.jobs import PermanentJobError, TransientJobError
from synapse.common.models import Job
from synapse.notifications.services import NotDelivered, deliver


@jobs.task()
def mail_invoice(job: Job) -> None:
    """Tell the patient that a bill is there, how much it is and how to pay."""
    bill = Bill.objects.select_related("patient", "session__doctor", "appointment__doctor", "generated_by").get(
        pk=job.object_id
    )
    if not bill.patient.email:
        raise PermanentJobError("no_address")
    if bill.status == Bill.Status.CANCELLED:
        return
    context = {
        "clinic": header_of(doctor_of(bill), with_logo=False).clinic,
        "number": bill.bill_number,
        "to_pay": format_money(bill.outstanding_amount, bill.currency),
        "due": f"{bill.due_date:%-d %B %Y}",
        "how_to_pay": bill.payment_instructions,
    }
    try:
        deliver("invoice", bill.patient.email, context)
    except NotDelivered as error:
        raise TransientJobError(error.code) from error
