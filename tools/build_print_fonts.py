"""Make the fonts of printed documents: static TrueType subsets of Inter and Source Serif 4 (both SIL OFL 1.1).

The PDF renderer reads neither woff2 nor variable fonts, and overlapping outlines print blotted, so each weight is cut
out, its outlines merged and its layout tables dropped. Run in an environment of its own:

    pip install fonttools skia-pathops fontpkg-inter fontpkg-source-serif-4
    python tools/build_print_fonts.py
"""

from importlib.util import find_spec
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

OUTPUT = Path(__file__).resolve().parent.parent / "static" / "fonts" / "print"
# Latin with all its extensions, Greek, Cyrillic, punctuation, super- and subscripts, currency, arrows, operators.
RANGES = (
    (0x0020, 0x007E),
    (0x00A0, 0x024F),
    (0x0300, 0x036F),
    (0x0370, 0x03FF),
    (0x0400, 0x045F),
    (0x1E00, 0x1EFF),
    (0x2000, 0x206F),
    (0x2070, 0x209F),
    (0x20A0, 0x20C0),
    (0x2190, 0x2193),
    (0x2200, 0x22FF),
)
UNWANTED_TABLES = ("GSUB", "GPOS", "GDEF", "STAT", "HVAR", "MVAR", "avar")
FONTS = (
    ("sans-400", "fontpkg_inter", "Inter[opsz,wght].ttf", {"wght": 400, "opsz": 14}),
    ("sans-650", "fontpkg_inter", "Inter[opsz,wght].ttf", {"wght": 650, "opsz": 14}),
    ("serif-400", "fontpkg_source_serif_4", "SourceSerif4[opsz,wght].ttf", {"wght": 400, "opsz": 14}),
    ("serif-620", "fontpkg_source_serif_4", "SourceSerif4[opsz,wght].ttf", {"wght": 620, "opsz": 14}),
)


def build(name: str, package: str, file_name: str, axes: dict[str, float]) -> None:
    """Write one static subset."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"Install {package.replace('_', '-')} first.")
    font = TTFont(Path(spec.origin).parent / "files" / file_name)
    options = Options()
    options.layout_features = []
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
    subsetter.subset(font)
    font = instancer.instantiateVariableFont(font, axes, overlap=instancer.OverlapMode.REMOVE)
    for table in UNWANTED_TABLES:
        if table in font:
            del font[table]
    for record in font["name"].names:
        if record.nameID in {1, 4, 16}:
            record.string = f"Syn {name}"
        elif record.nameID == 6:
            record.string = f"Syn-{name}"
    font.save(OUTPUT / f"{name}.ttf")
    print(name, (OUTPUT / f"{name}.ttf").stat().st_size)


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for font in FONTS:
        build(*font)
