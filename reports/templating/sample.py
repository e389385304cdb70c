"""An invented conversation to try templates on, for those who have no transcript of their own or may read none."""

from reports.generation.base import TranscriptSegment

_SECONDS_A_LINE = 9
_LINES = (
    ("doctor", "Good morning. What brings you in today?"),
    ("patient", "I have been feeling low since my mother died in March, and I don't sleep well."),
    ("doctor", "How is your sleep now compared to last time?"),
    ("patient", "A bit better. I still wake up around four, maybe three nights a week."),
    ("doctor", "And your appetite?"),
    ("patient", "I skip lunch most days because I'm not hungry."),
    ("doctor", "You rate your mood from zero to ten. Where would you put it this week?"),
    ("patient", "About a four. Last month it was a two."),
    ("doctor", "Are you taking the sertraline every day?"),
    ("patient", "Yes, I take sertraline 50 mg every morning. I had some nausea in the first week, but it went away."),
    ("doctor", "Have you had any thoughts of suicide?"),
    ("patient", "No, I have not had any thoughts of suicide."),
    ("doctor", "Any thoughts of harming yourself in another way?"),
    ("patient", "No. Years ago, when I was at school, I used to cut myself, but not since then."),
    ("doctor", "How much alcohol do you drink at the moment?"),
    ("patient", "Two beers on Fridays, nothing else."),
    ("doctor", "Who helps you when it gets hard?"),
    ("patient", "My sister calls me every evening and I have started running again."),
    ("doctor", "You look less tired than last month, and you keep eye contact while we talk."),
    ("patient", "I went back to work for two days a week, and that helps."),
    ("doctor", "Last time we practised the breathing exercise. Did you use it?"),
    ("patient", "Yes, almost every night before bed. It helps me fall asleep."),
    ("doctor", "Today let us look at the thought that you should have been there. What speaks against it?"),
    ("patient", "The doctors told us nobody could have known. I think I was too hard on myself."),
    ("doctor", "That is an important step. I think this is a moderate depressive episode, and it is improving."),
    ("doctor", "Your goal was to meet a friend once a week. How did that go?"),
    ("patient", "I met Tara twice, and it was good."),
    ("doctor", "We will increase the sertraline to 75 mg every morning."),
    (
        "doctor",
        "Until next time, please keep the sleep diary and write down one kind thought about yourself every day.",
    ),
    ("patient", "I can do that."),
    ("doctor", "If it gets worse or you feel unsafe, call us at once. I would like to see you again in three weeks."),
)
SAMPLE = tuple(
    TranscriptSegment(
        id=number,
        start_ms=(number - 1) * _SECONDS_A_LINE * 1000,
        end_ms=number * _SECONDS_A_LINE * 1000 - 400,
        speaker=speaker,
        text=text,
        confidence=1.0,
    )
    for number, (speaker, text) in enumerate(_LINES, start=1)
)
