"""Addresses of oversight."""

from django.urls import path

from synapse.oversight import alert_views, associate_views, disclosure_views, going_live_views, incident_views

app_name = "oversight"
urlpatterns = [
    path("audit/alerts/", alert_views.alert_list, name="alerts"),
    path("audit/alerts/rules/", alert_views.rules, name="alert_rules"),
    path("audit/alerts/<uuid:pk>/", alert_views.alert_detail, name="alert"),
    path("audit/alerts/<uuid:pk>/decide/", alert_views.decide, name="alert_decide"),
    path("incidents/", incident_views.incident_list, name="incidents"),
    path("incidents/new/", incident_views.new, name="incident_new"),
    path("incidents/<uuid:pk>/", incident_views.detail, name="incident"),
    path("incidents/<uuid:pk>/assess/", incident_views.assess, name="incident_assess"),
    path("incidents/<uuid:pk>/letters/", incident_views.letters, name="incident_letters"),
    path("incidents/<uuid:pk>/summary/", incident_views.summary, name="incident_summary"),
    path("incidents/<uuid:pk>/affected/", incident_views.affected, name="incident_affected"),
    path("incidents/<uuid:pk>/now/<slug:to>/", incident_views.advance, name="incident_advance"),
    path("system/going-live/", going_live_views.checklist, name="going_live"),
    path("system/going-live/<slug:name>/", going_live_views.confirm, name="going_live_confirm"),
    path("settings/clinic/associates/", associate_views.associate_list, name="associates"),
    path("settings/clinic/associates/new/", associate_views.new, name="associate_new"),
    path("settings/clinic/associates/<uuid:pk>/", associate_views.edit, name="associate"),
    path("settings/clinic/associates/<uuid:pk>/end/", associate_views.end, name="associate_end"),
    path("patients/<uuid:patient_pk>/disclosures/", disclosure_views.account, name="disclosures"),
    path("patients/<uuid:patient_pk>/disclosures/sheet/", disclosure_views.account_pdf, name="disclosures_pdf"),
    path("patients/<uuid:patient_pk>/disclosures/new/", disclosure_views.note, name="note_disclosure"),
]
