from dataclasses import fields

import pytest

from engines import DataError
from train.config import Config

COMPACT, PAPER = Config.of_preset("compact"), Config.of_preset("paper")


def test_the_paper_preset_holds_the_official_settings() -> None:
    wanted = {
        "size": 128,
        "stem": 1,
        "sigma": 0.2,
        "batch": 16,
        "rate": 2e-4,
        "clip": 1.0,
        "pool": 50,
        "reconstruction_weight": 10.0,
        "adversarial_weight": 10.0,
        "prior_weight": 0.9,
        "redraw_weight": 0.1,
        "equivariance_weight": 0.0,
        "window": 1000,
        "decay": False,
        "mirror": False,
        "turn": 0.0,
        "scale": 0.0,
        "shift": 0.0,
        "bend": 0.0,
        "average": 0.0,
        "regressor_every": 1,
        "reconstruct_from": 0.0,
        "pretrain_steps": 580_000,
    }
    assert {name: getattr(PAPER, name) for name in wanted} == wanted


def test_the_drawing_is_the_picture_over_the_stem() -> None:
    assert (PAPER.drawing, COMPACT.drawing) == (128, 32)


def test_unknown_presets_are_refused() -> None:
    with pytest.raises(DataError, match="compact or paper"):
        Config.of_preset("huge")


def test_texts_are_read_as_each_setting_is() -> None:
    texts = ["steps=12", "rate=1e-3", "mirror=no", "decay=True", "perceptual=pixels"]
    changed = PAPER.with_texts(texts)
    assert changed == PAPER.with_changes(
        steps=12, rate=1e-3, mirror=False, decay=True, perceptual="pixels"
    )
    assert PAPER.with_texts([]) == PAPER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps", "NAME=VALUE"),
        ("stps=3", "stps"),
        ("drawing=3", "drawing"),
        ("to_json=3", "to_json"),
        ("__class__=3", "__class__"),
        ("steps=many", "whole number"),
        ("steps=1.5", "whole number"),
        ("rate=fast", "rate needs a number"),
        ("mirror=maybe", "true or false"),
        ("perceptual=vg", "auto, vgg"),
        ("preset=big", "compact, paper"),
        ("rate=nan", "rate"),
        ("rate=inf", "rate"),
        ("rate=-1", "rate"),
        ("sigma=0", "sigma"),
        ("zoom=0", "zoom"),
        ("regressor_every=0", "regressor_every"),
        ("batch=1", "2 pictures"),
        ("stem=0", "stem"),
        ("size=60", "multiple of 16"),
        ("size=32", "too small"),
        ("tracker_size=100", "multiple of 16"),
    ],
)
def test_nonsense_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        COMPACT.with_texts([text])


def test_json_round_trip_and_strictness() -> None:
    for config in (COMPACT, PAPER):
        assert Config.from_json(config.to_json()) == config
    text = COMPACT.to_json()
    older = text.replace('"batch": 16, ', "")  # before that setting came
    assert older != text
    assert Config.from_json(older) == COMPACT
    for bad in (
        text.replace('"size": 64, ', ""),
        text.replace('"batch"', '"bach"'),
        text.replace('"size": 64', '"size": "64"'),
        text[:-1],
        "[]",
        "7",
    ):
        with pytest.raises(DataError):
            Config.from_json(bad)


WORDS = {"preset": "paper", "perceptual": "pixels", "precision": "bf16"}


def test_every_setting_changes_the_digest() -> None:
    digests = {COMPACT.digest()}
    for field in fields(Config):
        value = getattr(COMPACT, field.name)
        if field.name in WORDS:
            value = WORDS[field.name]
        elif isinstance(value, bool):
            value = not value
        elif field.name in ("size", "tracker_size"):
            value *= 2
        elif field.name in ("held_out", "least_gain"):
            value /= 2
        else:
            value += 1
        if field.name in ("stem", "critic_downs", "decoder_downs"):
            continue  # not every value fits the size
        digests.add(COMPACT.with_changes(**{field.name: value}).digest())
    assert len(digests) == len(fields(Config)) - 3 + 1
    assert all(len(digest) == 64 for digest in digests)
    assert COMPACT.digest() == Config.of_preset("compact").digest()


@pytest.mark.parametrize("name", ["held_out", "least_gain"])
def test_shares_have_a_limit(name: str) -> None:
    assert getattr(COMPACT.with_changes(**{name: 0.0}), name) == 0
    with pytest.raises(DataError, match=f"{name} is a share"):
        COMPACT.with_changes(**{name: 0.6})
