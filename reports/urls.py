"""Addresses of reports."""

from django.urls import path

from reports import bench_views, views
from reports.editing import live_views, note_audit_views, review_views, rewrite_views, risk_views
from reports.editing import views as editor_views
from reports.sealing import addendum_views, co_sign_views
from reports.sealing import views as sealing_views
from reports.sharing import views as sharing_views
from reports.style import views as style_views
from reports.summaries import views as summary_views
from reports.versions import views as version_views

app_name = "reports"
urlpatterns = [
    path("", views.report_list, name="list"),
    path("note-audit/", note_audit_views.caseload, name="caseload_audit"),
    path("bench/", bench_views.bench, name="bench"),
    path("bench/progress/", bench_views.progress, name="bench_progress"),
    path("bench/run/", bench_views.run, name="run_bench"),
    path("bench/sessions/<slug:session_id>/", bench_views.session, name="bench_session"),
    path("for-patient/<uuid:patient_pk>/", views.for_patient, name="for_patient"),
    path("for-session/<uuid:session_pk>/", views.for_session, name="for_session"),
    path("for-session/<uuid:session_pk>/new/", views.request_report, name="request"),
    path("for-session/<uuid:session_pk>/live/", live_views.while_recording, name="while_recording"),
    path("style/", style_views.rules, name="style"),
    path("style/learn/", style_views.learn, name="style_learn"),
    path("style/<uuid:pk>/", style_views.change, name="style_change"),
    path("<uuid:pk>/style/", style_views.take_back, name="style_take_back"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/progress/", views.progress, name="progress"),
    path("<uuid:pk>/provisional/", live_views.provisional, name="provisional"),
    path("<uuid:pk>/regenerate/", views.regenerate, name="regenerate"),
    path("<uuid:pk>/convert/", version_views.convert, name="convert"),
    path("<uuid:pk>/compare/", version_views.compare, name="compare"),
    path("<uuid:pk>/retry/", views.retry, name="retry"),
    path("<uuid:pk>/review/", views.review, name="review"),
    path("<uuid:pk>/sections/<slug:section_id>/", review_views.section, name="section"),
    path("<uuid:pk>/sections/<slug:section_id>/edit/", review_views.edit_section, name="edit_section"),
    path("<uuid:pk>/sections/<slug:section_id>/check/", review_views.check_section, name="check_section"),
    path("<uuid:pk>/sections/<slug:section_id>/lines/", editor_views.add_line, name="add_line"),
    path("<uuid:pk>/sections/<slug:section_id>/layout/", editor_views.set_layout, name="set_layout"),
    path("<uuid:pk>/lines/<slug:sentence_id>/text/", editor_views.save_line, name="save_line"),
    path("<uuid:pk>/lines/<slug:sentence_id>/arrange/", editor_views.arrange, name="arrange"),
    path("<uuid:pk>/sections/<slug:section_id>/rewrite/", rewrite_views.rewrite_section, name="rewrite_section"),
    path("<uuid:pk>/rewrites/<uuid:rewrite_pk>/", rewrite_views.rewrite_state, name="rewrite_state"),
    path("<uuid:pk>/quote/", editor_views.insert_quote, name="insert_quote"),
    path("<uuid:pk>/undo/", editor_views.undo, name="undo"),
    path("<uuid:pk>/redo/", editor_views.redo, name="redo"),
    path("<uuid:pk>/lines/<slug:sentence_id>/", review_views.settle, name="settle"),
    path("<uuid:pk>/findings/<slug:key>/", review_views.insert_finding, name="insert_finding"),
    path("<uuid:pk>/note-audit/", note_audit_views.panel, name="note_audit"),
    path("<uuid:pk>/risk/", risk_views.decide, name="decide_risk"),
    path("<uuid:pk>/items/<slug:sentence_id>/", risk_views.set_item, name="set_item"),
    path("<uuid:pk>/sign/", sealing_views.sign, name="sign"),
    path("<uuid:pk>/amend/", sealing_views.amend, name="amend"),
    path("<uuid:pk>/addenda/new/", addendum_views.begin, name="begin_addendum"),
    path("addenda/<uuid:pk>/", addendum_views.addendum, name="addendum"),
    path("addenda/<uuid:pk>/save/", addendum_views.save, name="save_addendum"),
    path("addenda/<uuid:pk>/sign/", addendum_views.sign, name="sign_addendum"),
    path("addenda/<uuid:pk>/discard/", addendum_views.discard, name="discard_addendum"),
    path("<uuid:pk>/co-sign/ask/", co_sign_views.ask, name="ask_co_signature"),
    path("co-sign/", co_sign_views.waiting, name="co_signatures"),
    path("co-sign/<uuid:pk>/", co_sign_views.review, name="co_signature"),
    path("co-sign/<uuid:pk>/sign/", co_sign_views.sign, name="co_sign"),
    path("co-sign/<uuid:pk>/return/", co_sign_views.give_back, name="return_for_revision"),
    path("co-sign/<uuid:pk>/withdraw/", co_sign_views.withdraw, name="withdraw_co_signature"),
    path("<uuid:pk>/export/<slug:file_type>/", sealing_views.export, name="export"),
    path("<uuid:pk>/take-over/", views.take_over, name="take_over"),
    path("<uuid:pk>/sharing/", sharing_views.sharing, name="sharing"),
    path("<uuid:pk>/sharing/<uuid:share_pk>/end/", sharing_views.end_share, name="end_share"),
    path("shares-for-patient/<uuid:patient_pk>/", sharing_views.shares_for_patient, name="shares_for_patient"),
    path("for-reception/<uuid:patient_pk>/", sharing_views.for_reception, name="for_reception"),
    path("hand-over/<uuid:share_pk>/", sharing_views.hand_over, name="hand_over"),
    path("<uuid:pk>/summary/", summary_views.show, name="summary"),
    path("<uuid:pk>/summary/begin/", summary_views.begin, name="begin_summary"),
    path("<uuid:pk>/summary/lines/", summary_views.add_line, name="add_summary_line"),
    path("<uuid:pk>/summary/lines/<slug:line_id>/", summary_views.change_line, name="change_summary_line"),
    path("<uuid:pk>/summary/sentences/<slug:sentence_id>/", summary_views.take_in, name="take_into_summary"),
    path("<uuid:pk>/summary/tick/", summary_views.tick, name="tick_summary"),
    path("<uuid:pk>/summary/pdf/", summary_views.pdf, name="summary_pdf"),
]
