import pytest
import torch

from babelift.precision import choose_precision, cpu_has_bf16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu sse2 avx2\n", False),
        ("", False),
    ],
)
def test_the_processor_is_asked_for_bfloat16(tmp_path, text, expected):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert cpu_has_bf16(path) is expected


def test_where_the_processor_cannot_be_asked_it_is_float32(tmp_path):
    assert cpu_has_bf16(tmp_path / "absent") is False


def test_a_setting_is_obeyed_and_auto_follows_the_hardware():
    cpu = torch.device("cpu")
    assert choose_precision("fp32", cpu) == "fp32"
    assert choose_precision("bf16", cpu) == "bf16"
    assert choose_precision("auto", cpu) == ("bf16" if cpu_has_bf16() else "fp32")
    assert choose_precision("auto", torch.device("mps")) == "fp32"
