"""Addresses of sessions, their sound and their words."""

from django.urls import URLPattern, URLResolver, path

from sessions_app import move_views, views
from sessions_app.recordings import views as audio_views
from sessions_app.transcripts import attempt_views, correction_views
from sessions_app.transcripts import views as transcript_views
from sessions_app.uploads import views as upload_views

app_name = "sessions"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.session_list, name="list"),
    path("start/", views.start, name="start"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/record/", views.record, name="record"),
    path("<uuid:pk>/pause/", views.pause, name="pause"),
    path("<uuid:pk>/resume/", views.resume, name="resume"),
    path("<uuid:pk>/complete/", views.complete, name="complete"),
    path("<uuid:pk>/cancel/", views.cancel, name="cancel"),
    path("<uuid:pk>/move/", move_views.move, name="move"),
    path("<uuid:pk>/move/find/", move_views.find, name="move_find"),
    path("<uuid:pk>/notes/", views.notes, name="notes"),
    path("<uuid:pk>/context/", views.context, name="context"),
    path("<uuid:pk>/context/allow/", views.allow_context, name="allow_context"),
    path("<uuid:pk>/marks/", views.mark, name="mark"),
    path("<uuid:pk>/audio/", audio_views.audio, name="audio"),
    path("<uuid:pk>/audio/delete/", audio_views.delete_audio, name="delete_audio"),
    path("<uuid:pk>/audio/certificate/", audio_views.certificate, name="certificate"),
    path("<uuid:pk>/upload/", upload_views.upload_page, name="upload"),
    path("<uuid:pk>/upload/state/", upload_views.upload_state, name="upload_state"),
    path("<uuid:pk>/uploads/", upload_views.open_upload, name="open_upload"),
    path("<uuid:pk>/uploads/<uuid:upload>/parts/", upload_views.upload_part, name="upload_part"),
    path("<uuid:pk>/uploads/<uuid:upload>/finish/", upload_views.finish_upload, name="finish_upload"),
    path("<uuid:pk>/uploads/<uuid:upload>/keep/", upload_views.keep_upload, name="keep_upload"),
    path("<uuid:pk>/uploads/<uuid:upload>/stop/", upload_views.stop_upload, name="stop_upload"),
    path("<uuid:pk>/transcript/", transcript_views.transcript, name="transcript"),
    path("<uuid:pk>/transcript/progress/", transcript_views.progress, name="progress"),
    path("<uuid:pk>/transcript/retry/", transcript_views.retry, name="retry"),
    path("<uuid:pk>/transcript/newer/", attempt_views.newer, name="newer_try"),
    path("<uuid:pk>/transcript/attempts/", attempt_views.attempts, name="attempts"),
    path("<uuid:pk>/transcript/attempts/<int:number>/", attempt_views.attempt, name="attempt"),
    path("<uuid:pk>/transcript/changes/", correction_views.changes, name="changes"),
    path("<uuid:pk>/transcript/swap/", correction_views.swap, name="swap"),
    path("<uuid:pk>/transcript/replace/", correction_views.replace, name="replace"),
    path("<uuid:pk>/transcript/undo/", correction_views.undo, name="undo"),
    path("<uuid:pk>/transcript/redo/", correction_views.redo, name="redo"),
    path("<uuid:pk>/transcript/notes/", correction_views.notes, name="correction_notes"),
    path("<uuid:pk>/transcript/readings/<int:reading>/", correction_views.reading, name="reading"),
    path("<uuid:pk>/transcript/<int:segment>/", correction_views.text, name="line"),
    path("<uuid:pk>/transcript/<int:segment>/speaker/", correction_views.speaker, name="speaker"),
    path("<uuid:pk>/transcript/<int:segment>/merge/", correction_views.merge, name="merge"),
    path("<uuid:pk>/transcript/<int:segment>/split/", correction_views.split, name="split"),
    path("<uuid:pk>/transcript/<int:segment>/heard/", correction_views.confirm, name="heard"),
    path("<uuid:pk>/transcript/<int:segment>/restore/", correction_views.restore, name="restore"),
]
