//! Why a file is no table we read, each time with what to do about it.

use super::{MAX_CELL_CHARS, MAX_COLUMNS};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableRefused {
    #[error("Le fichier est vide\u{a0}: la première ligne doit porter les titres des colonnes.")]
    Empty,
    #[error("Le fichier dépasse 20\u{a0}Mio\u{a0}: retirez ce qui n’est pas la liste, ou découpez-le.")]
    TooLarge,
    #[error(
        "Ce fichier n’est ni un classeur (XLSX, ODS) ni un texte lisible\u{a0}: enregistrez la feuille au format XLSX, ODS ou CSV (séparateur point-virgule, UTF-8)."
    )]
    NotText,
    #[error(
        "Ce fichier est un PDF, quel que soit son nom\u{a0}: enregistrez la liste depuis un tableur au format XLSX, ODS ou CSV."
    )]
    Pdf,
    #[error("Le fichier a plus de 50\u{202f}000 lignes\u{a0}: découpez-le.")]
    TooManyRows,
    #[error(
        "La ligne {line} a plus de {MAX_COLUMNS} colonnes\u{a0}: vérifiez le séparateur, ou retirez les colonnes inutiles."
    )]
    TooManyColumns { line: u64 },
    #[error(
        "Le fichier a plus de 2\u{a0}millions de cellules, ou trop de texte\u{a0}: retirez les colonnes inutiles, ou découpez-le."
    )]
    TooManyCells,
    #[error(
        "Ligne {line}\u{a0}: une cellule dépasse {MAX_CELL_CHARS} caractères. Un guillemet mal fermé en est souvent la cause."
    )]
    CellTooLong { line: u64 },
    #[error("Ligne {line}\u{a0}: un guillemet ouvert n’est jamais refermé. Corrigez cette ligne, puis recommencez.")]
    OpenQuote { line: u64 },
    #[error(
        "Ce fichier est un classeur de l’ancien format (.xls)\u{a0}: ouvrez-le dans votre tableur, puis enregistrez-le au format XLSX ou ODS."
    )]
    OldWorkbook,
    #[error(
        "Ce classeur est au format binaire (.xlsb) ou d’un autre logiciel (Numbers)\u{a0}: enregistrez-le au format XLSX ou ODS."
    )]
    ForeignWorkbook,
    #[error(
        "Ce classeur est protégé par un mot de passe\u{a0}: enregistrez-en une copie sans mot de passe, puis déposez la copie."
    )]
    Encrypted,
    #[error(
        "Ce classeur contient des macros, qui ne sont jamais reçues ici\u{a0}: enregistrez-en une copie sans macros (.xlsx ou .ods)."
    )]
    Macros,
    #[error("Ce fichier est une archive ou un document, pas un classeur\u{a0}: déposez un tableau XLSX, ODS ou CSV.")]
    NotWorkbook,
    #[error(
        "Ce classeur grossit démesurément une fois ouvert\u{a0}: il n’est pas lu. Copiez la liste dans un classeur neuf, puis déposez-le."
    )]
    Bomb,
    #[error(
        "Ce classeur contient une déclaration ou un nom interne qu’aucun tableur n’écrit\u{a0}: il n’est pas lu. Copiez la liste dans un classeur neuf, puis déposez-le."
    )]
    Hostile,
    #[error(
        "Ce classeur est abîmé ou incomplet\u{a0}: ouvrez-le dans votre tableur, enregistrez-le de nouveau, puis recommencez."
    )]
    Damaged,
    #[error("Le classeur n’a pas de feuille «\u{a0}{0}\u{a0}»\u{a0}: choisissez une de ses feuilles.")]
    NoSuchSheet(String),
}
