"""What a patient reads around a question: the message that brings the link, and the page. Never what is asked."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ConsentWords:
    """One language. Patterns name what is put in: {clinic}, {link}, {phone}."""

    hello: str
    subject: str
    lead: str
    once: str
    questions: str
    sms: str
    page: Mapping[str, str]


LANGUAGES = {
    "en": ConsentWords(
        hello="Hello,",
        subject="A question from {clinic}",
        lead="{clinic} has a question for you. Please read it and answer here:",
        once="The link is yours alone. It works once, for seven days.",
        questions="Questions? Call {phone}.",
        sms="{clinic} has a question for you. Read it and answer: {link}",
        page={
            "skip": "Skip to main content",
            "theme": "Light or dark",
            "call": "Call us:",
            "ask": "Do you agree to this?",
            "agree": "I agree",
            "disagree": "I do not agree",
            "free": "You decide freely. You can change your mind later: tell us.",
            "agreed_title": "Thank you. You agreed",
            "declined_title": "Thank you. You did not agree",
            "done_text": "We have your answer. If you change your mind, tell us.",
            "copy": "Keep a copy (PDF)",
            "gone_title": "This link no longer works",
            "gone_text": "It was used already, is too old, or is not complete. If we still need your answer, we will ask you.",
            "wait": "Too many tries. Wait a quarter of an hour.",
        },
    ),
    "hi": ConsentWords(
        hello="नमस्ते,",
        subject="{clinic} की ओर से एक सवाल",
        lead="{clinic} आपसे कुछ पूछना चाहता है। कृपया यहाँ पढ़कर जवाब दें:",
        once="यह लिंक केवल आपके लिए है। यह एक बार और सात दिन तक चलता है।",
        questions="कुछ पूछना है? फ़ोन करें: {phone}।",
        sms="{clinic}: आपसे एक सवाल: {link}",
        page={
            "skip": "मुख्य भाग पर जाएँ",
            "theme": "उजला या गहरा",
            "call": "हमें फ़ोन करें:",
            "ask": "क्या आप इससे सहमत हैं?",
            "agree": "मैं सहमत हूँ",
            "disagree": "मैं सहमत नहीं हूँ",
            "free": "फ़ैसला आपका है। बाद में मन बदले तो हमें बताएँ।",
            "agreed_title": "धन्यवाद। आपने सहमति दी",
            "declined_title": "धन्यवाद। आपने सहमति नहीं दी",
            "done_text": "आपका जवाब हमें मिल गया। मन बदले तो हमें बताएँ।",
            "copy": "एक प्रति रखें (PDF)",
            "gone_title": "यह लिंक अब नहीं चलता",
            "gone_text": "यह काम में आ चुका है, पुराना है या अधूरा है। आपका जवाब चाहिए होगा तो हम फिर पूछेंगे।",
            "wait": "बहुत बार कोशिश हुई। पंद्रह मिनट रुकें।",
        },
    ),
    "de": ConsentWords(
        hello="Guten Tag,",
        subject="Eine Frage von {clinic}",
        lead="{clinic} hat eine Frage an Sie. Bitte lesen Sie sie und antworten Sie hier:",
        once="Der Link ist nur für Sie. Er gilt einmal, sieben Tage lang.",
        questions="Fragen? Rufen Sie an: {phone}.",
        sms="{clinic} hat eine Frage an Sie. Lesen und antworten: {link}",
        page={
            "skip": "Zum Inhalt",
            "theme": "Hell oder dunkel",
            "call": "Rufen Sie uns an:",
            "ask": "Stimmen Sie dem zu?",
            "agree": "Ich stimme zu",
            "disagree": "Ich stimme nicht zu",
            "free": "Sie entscheiden frei. Wenn Sie es sich anders überlegen, sagen Sie es uns.",
            "agreed_title": "Danke. Sie haben zugestimmt",
            "declined_title": "Danke. Sie haben nicht zugestimmt",
            "done_text": "Ihre Antwort ist da. Wenn Sie es sich anders überlegen, sagen Sie es uns.",
            "copy": "Eine Kopie behalten (PDF)",
            "gone_title": "Dieser Link gilt nicht mehr",
            "gone_text": "Er wurde schon benutzt, ist zu alt oder unvollständig. Brauchen wir Ihre Antwort noch, fragen wir Sie.",
            "wait": "Zu viele Versuche. Warten Sie eine Viertelstunde.",
        },
    ),
    "es": ConsentWords(
        hello="Hola:",
        subject="Una pregunta de {clinic}",
        lead="{clinic} tiene una pregunta para usted. Léala y responda aquí:",
        once="El enlace es solo para usted. Sirve una vez, durante siete días.",
        questions="¿Preguntas? Llame al {phone}.",
        sms="{clinic} tiene una pregunta para usted. Lea y responda: {link}",
        page={
            "skip": "Ir al contenido",
            "theme": "Claro u oscuro",
            "call": "Llámenos:",
            "ask": "¿Está de acuerdo con esto?",
            "agree": "Estoy de acuerdo",
            "disagree": "No estoy de acuerdo",
            "free": "Usted decide libremente. Si cambia de opinión, díganoslo.",
            "agreed_title": "Gracias. Ha dicho que sí",
            "declined_title": "Gracias. Ha dicho que no",
            "done_text": "Tenemos su respuesta. Si cambia de opinión, díganoslo.",
            "copy": "Guardar una copia (PDF)",
            "gone_title": "Este enlace ya no funciona",
            "gone_text": "Ya se usó, es antiguo o está incompleto. Si aún necesitamos su respuesta, se la pediremos.",
            "wait": "Demasiados intentos. Espere un cuarto de hora.",
        },
    ),
    "fr": ConsentWords(
        hello="Bonjour,",
        subject="Une question de {clinic}",
        lead="{clinic} a une question pour vous. Merci de la lire et d’y répondre ici :",
        once="Le lien est pour vous seul. Il sert une fois, pendant sept jours.",
        questions="Des questions ? Appelez le {phone}.",
        sms="{clinic} a une question pour vous. Lire et répondre : {link}",
        page={
            "skip": "Aller au contenu",
            "theme": "Clair ou sombre",
            "call": "Appelez-nous :",
            "ask": "Êtes-vous d’accord ?",
            "agree": "Je suis d’accord",
            "disagree": "Je ne suis pas d’accord",
            "free": "Vous décidez librement. Si vous changez d’avis, dites-le-nous.",
            "agreed_title": "Merci. Vous avez dit oui",
            "declined_title": "Merci. Vous avez dit non",
            "done_text": "Nous avons votre réponse. Si vous changez d’avis, dites-le-nous.",
            "copy": "Garder une copie (PDF)",
            "gone_title": "Ce lien ne fonctionne plus",
            "gone_text": "Il a déjà servi, est trop ancien ou incomplet. S’il nous faut encore votre réponse, nous vous la demanderons.",
            "wait": "Trop d’essais. Attendez un quart d’heure.",
        },
    ),
}
