#!/bin/sh
# Cuts the typefaces of the documents out of their full releases: a narrow cut (French) and a wide one
# (every Latin name). Needs npm, python3 and fonttools; run it only to change the letters that are shipped.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHON=${PYTHON:-python3}

fetch() { # package folder: the full TrueType files, OFL, without reserved font name
    (cd "$work" && npm pack --silent "$1" > tgz && mkdir -p "$2" && tar xzf "$(tail -1 tgz)" -C "$2" --strip-components 1)
}
fetch @expo-google-fonts/eb-garamond@0.4.3 garamond
fetch @expo-google-fonts/libre-franklin@0.4.2 franklin
cp "$work/garamond/LICENSE_FONT" OFL-EBGaramond.txt
cp "$work/franklin/LICENSE_FONT" OFL-LibreFranklin.txt

# Latin-1, the French ligatures, and the punctuation French typography asks for.
narrow='U+0020-007E,U+00A0-00FF,U+0152,U+0153,U+0178,U+2010-2014,U+2018-201E,U+2022,U+2026,U+202F,U+2030,U+2039,U+203A,U+20AC,U+2192,U+2212'
# Everything a name written in Latin letters may hold, Vietnamese and loose accents included.
wide="$narrow,U+0100-024F,U+0259,U+02B9-02DD,U+0300-0304,U+0306-030C,U+0311,U+031B,U+0323-0328,U+0331,U+1E00-1EFF,U+2032,U+2033,U+2116"

cut() { # source name
    for width in narrow wide; do
        eval "set_=\$$width"
        "$PYTHON" -m fontTools.subset "$work/$1" --output-file="$work/cut.ttf" --unicodes="$set_" --ignore-missing-unicodes \
            --layout-features='kern,liga,ccmp,locl,mark,mkmk' --no-hinting --desubroutinize --glyph-names \
            --name-IDs='0,1,2,3,4,5,6,13,14' --drop-tables+=DSIG,meta,STAT,gasp,VDMX,HVAR,MVAR,avar
        "$PYTHON" one_glyph_per_letter.py "$work/cut.ttf" "$2-$width.ttf"
    done
}
cut garamond/400Regular/EBGaramond_400Regular.ttf serif
cut garamond/400Regular_Italic/EBGaramond_400Regular_Italic.ttf serif-italic
cut franklin/400Regular/LibreFranklin_400Regular.ttf sans
cut franklin/600SemiBold/LibreFranklin_600SemiBold.ttf sans-bold
ls -l ./*.ttf
