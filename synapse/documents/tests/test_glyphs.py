"""Text the print fonts lack: drawn, named or cut, never lost."""

import re
from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image

from synapse.documents.glyphs import LONGEST_WORD, fit_html

PICTURE = re.compile(r'<img src="data:image/png;base64,([^"]+)" style="width:([\d.]+)pt')


def fitted(text):
    return fit_html(f"<html><head><title>काव्या</title></head><body><p>{text}</p></body></html>").partition("<p>")[2]


def test_plain_text_and_markup_stay_as_they_are():
    text = "Sertraline 50 mg &amp; “better”, naïve café, ₹ 500, Ελληνικά &lt;b&gt;"

    assert fitted(text).startswith(text)


@pytest.mark.parametrize("word", ["काव्या", "هفتم", "שלום"])
def test_a_word_of_another_script_is_drawn(word):
    data, width = PICTURE.search(fitted(f"Said {word} twice")).groups()

    picture = Image.open(BytesIO(b64decode(data)))
    assert picture.getbbox()[2] > 10  # something is in it
    assert float(width) == pytest.approx(picture.width / 4, abs=0.1)
    assert word not in fitted(word)


def test_each_word_of_a_script_read_from_the_left_is_its_own_picture():
    assert len(PICTURE.findall(fitted("तीन हफ़्ते से"))) == 3


def test_words_read_from_the_right_stay_together_and_fill_whole_lines():
    few, many = fitted("שלום עולם"), fitted("שלום עולם " * 20)

    assert len(PICTURE.findall(few)) == 1
    pictures = PICTURE.findall(many)
    assert len(pictures) > 1
    assert many.count("<br>") == len(pictures) - 1
    assert all(float(width) < 260 for _, width in pictures)


def test_what_has_no_font_is_named():
    assert fitted("Smile 😀 中").startswith("Smile [grinning face] [cjk unified ideograph-4e2d]")


def test_signs_that_change_the_direction_are_dropped():
    assert fitted("a\u202eevil\u202cb").startswith("aevilb<")


def test_a_word_longer_than_a_line_is_cut_and_none_of_it_is_lost():
    words = re.sub("<.*", "", fitted("x" * 200 + " &lt;end"))

    assert max(map(len, words.split())) <= LONGEST_WORD
    assert words.count("x") == 200


def test_the_head_of_a_document_is_left_alone():
    assert "<title>काव्या</title>" in fit_html("<html><head><title>काव्या</title></head><body><p>a</p></body></html>")
