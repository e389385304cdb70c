"""Models other than the bundled one, as far as that can be shown without their weights."""

from types import SimpleNamespace

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from sessions_app.stt.base import LanguageUnknown
from sessions_app.stt.whisper import WhisperEngine, match_features


@pytest.mark.parametrize("bands", [80, 128])
def test_a_model_gets_as_many_mel_bands_as_it_was_made_for(bands):
    model = SimpleNamespace(feature_extractor=FeatureExtractor(), model=SimpleNamespace(n_mels=bands))

    match_features(model)

    assert model.feature_extractor(np.zeros(16_000, np.float32)).shape[0] == bands


def test_a_multilingual_model_takes_its_languages_and_refuses_others():
    engine = WhisperEngine(SimpleNamespace(supported_languages=["en", "hi", "de"]), "small", "")

    assert [engine.language_code(tag) for tag in ("hi-IN", "de_DE", "en-GB", "")] == ["hi", "de", "en", "en"]
    with pytest.raises(LanguageUnknown, match="small does not understand"):
        engine.language_code("tlh")
