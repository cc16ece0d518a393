//! Sheets to try documents with: ordinary ones, and those that strain a layout.

use super::attendance::{AttestationSheet, SignInRow, SignInSheet};
use super::certificate::CertificateSheet;
use super::convocation::{ConvocationItem, ConvocationSheet};
use super::letter::LetterSheet;
use super::minutes::{MinutesMember, MinutesRow, MinutesSheet};
use super::orders::OrderSheet;
use super::portfolio::{PortfolioSection, PortfolioSheet};
use super::transcript::{TranscriptLine, TranscriptSheet};
use super::{Office, Person, Signatory, SimpleTable};
use jiff::civil::date;

pub fn person() -> Person {
    Person {
        civility: "Mme".into(),
        first_names: "Clémence Élise".into(),
        birth_name: "D’ŒUVRE-LEFÈVRE".into(),
        usage_name: Some("LACŒUILHE".into()),
    }
}

/// A name that no line holds, with letters that French does not have.
pub fn long_person() -> Person {
    Person {
        civility: "M.".into(),
        first_names: "Nguyễn Thị Phương Šárka Łucja".into(),
        birth_name: "ČELIK-ŠIMUNKOVÁ de la Rochefoucauld-Montmorency-Luxembourg".into(),
        usage_name: None,
    }
}

pub fn office() -> Office {
    Office {
        academy: "Limoges".into(),
        region: "Nouvelle-Aquitaine".into(),
        service: "Division des examens et concours".into(),
        phone: "05 55 00 00 00".into(),
        email: "dec@academie.example".into(),
        city: "Limoges".into(),
    }
}

pub fn signatory() -> Signatory {
    Signatory {
        name: "Hélène Marchand-Roussel".into(),
        title: "La rectrice de l’académie de Limoges".into(),
        delegation: Some("Pour la rectrice et par délégation, le secrétaire général".into()),
    }
}

pub fn certificate() -> CertificateSheet {
    let signatory = signatory();
    CertificateSheet {
        person: person(),
        birth_date: date(1988, 2, 29),
        birth_place: Some("Brive-la-Gaillarde (Corrèze)".into()),
        office: office(),
        session: 2027,
        deliberated_on: date(2027, 7, 1),
        texts: vec![
            "Vu le code de l’éducation, notamment son article L.\u{A0}122-2\u{202F};".into(),
            "Vu le décret n°\u{A0}2017-791 du 5\u{A0}mai 2017 portant création du certificat de professionnalisation en matière de lutte contre le décrochage scolaire\u{202F};".into(),
            "Vu l’arrêté du 5\u{A0}mai 2017 relatif à l’organisation de l’examen\u{202F};".into(),
        ],
        number: "CPLDS-22-2027-0042-7".into(),
        control_key: "H4KD-92XW-PM7Q".into(),
        verify_url: "https://cplds.example/verifier?n=CPLDS-22-2027-0042-7&c=H4KD92XWPM7Q".into(),
        issued_at_place: "Limoges".into(),
        issued_on: date(2027, 7, 8),
        signatory_name: signatory.name,
        signatory_title: signatory.title,
        delegation: signatory.delegation,
        statement_json: r#"{"numero":"CPLDS-22-2027-0042-7"}"#.into(),
        simulated: false,
    }
}

/// Everything that can be long is, everything that can be missing is.
pub fn strained_certificate() -> CertificateSheet {
    CertificateSheet { person: long_person(), birth_place: None, delegation: None, simulated: true, ..certificate() }
}

fn appeal() -> Vec<String> {
    vec![
        "Vous pouvez former un recours gracieux auprès de l’autorité qui a pris cette décision, dans le délai de deux mois à compter de sa notification.".into(),
        "Vous pouvez aussi saisir le tribunal administratif de Limoges dans le même délai (code de justice administrative, articles R.\u{A0}421-1 et R.\u{A0}421-5).".into(),
    ]
}

pub fn transcript() -> TranscriptSheet {
    TranscriptSheet {
        person: person(),
        birth_date: date(1988, 2, 29),
        office: office(),
        session: 2027,
        number: "22-2027-0042".into(),
        lines: vec![
            TranscriptLine {
                epreuve: "Épreuve 1\u{A0}: animation d’une séance de formation et entretien".into(),
                mark: "12,5 / 20".into(),
                origin: Some("2026".into()),
                threshold: "10 / 20".into(),
                appraisal: Some("Séance construite avec soin, objectifs explicites. L’entretien montre un recul réel sur la conduite du groupe et une bonne connaissance des partenaires.".into()),
            },
            TranscriptLine {
                epreuve: "Épreuve 2\u{A0}: étude de cas et entretien".into(),
                mark: "9 / 20".into(),
                origin: None,
                threshold: "10 / 20".into(),
                appraisal: Some("Analyse trop rapide de la situation proposée.".into()),
            },
        ],
        outcome: "Ajournée".into(),
        reasons: vec!["La note de l’épreuve 2 est inférieure à 10 sur 20\u{202F}; les notes ne se compensent pas.".into()],
        deliberated_on: date(2027, 7, 1),
        issued_on: date(2027, 7, 8),
        appeal: appeal(),
        signatory: signatory(),
        simulated: false,
    }
}

pub fn convocation() -> ConvocationSheet {
    ConvocationSheet {
        person: person(),
        office: office(),
        occasion: "session 2027".into(),
        number: "22-2027-0042".into(),
        addressee: ["Mme Clémence Élise D’ŒUVRE-LEFÈVRE", "12 bis, rue de l’Égalité", "19100 Brive-la-Gaillarde"].map(String::from).to_vec(),
        items: vec![
            ConvocationItem {
                label: "Épreuve 1\u{A0}– séance de formation et entretien".into(),
                date_time: "mardi 12\u{A0}janvier 2027 à 9\u{A0}h\u{A0}30".into(),
                place: vec!["Lycée d’Arsonval".into(), "9, place du 15-Août-1944, 19100 Brive-la-Gaillarde".into()],
                room: "salle B 204".into(),
                duration: "45 min".into(),
                note: Some("sur votre lieu d’exercice".into()),
            },
            ConvocationItem {
                label: "Épreuve 2\u{A0}– étude de cas et entretien".into(),
                date_time: "jeudi 21\u{A0}janvier 2027 à 13\u{A0}h\u{A0}15".into(),
                place: vec!["Rectorat, 13, rue François-Chénieux, 87000 Limoges".into()],
                room: "salle 3".into(),
                duration: "1 h 30, dont 60 min de préparation, majorée d’un tiers".into(),
                note: None,
            },
        ],
        instructions: vec![
            "Présentez cette convocation et une pièce d’identité avec photographie.".into(),
            "Arrivez quinze minutes avant l’heure indiquée\u{202F}; après le début de l’épreuve, l’accès à la salle est refusé.".into(),
        ],
        accommodation: Some("temps majoré d’un tiers pour la préparation de l’épreuve 2.".into()),
        issued_on: date(2026, 12, 1),
        signatory: signatory(),
        simulated: true,
    }
}

pub fn minutes(candidates: usize) -> MinutesSheet {
    let names = [
        "ABADIE Agnès",
        "BŒUF Jean-François",
        "CHÂTEAUNEUF-DESMARÊTS Marie-Amélie",
        "DUPONT Théo",
        "ÉLOY Solène",
        "FAŸ Raphaël",
    ];
    let rows: Vec<MinutesRow> = (0..candidates)
        .map(|index| MinutesRow {
            number: format!("22-2027-{:04}", index + 1),
            name: names[index % names.len()].to_owned(),
            birth_date: date(1970 + (index % 30) as i16, 1 + (index % 12) as i8, 1 + (index % 28) as i8),
            marks: vec![
                format!("{},5", 8 + index % 11),
                if index % 9 == 0 { "absent".into() } else { format!("{}", 9 + index % 10) },
            ],
            outcome: if index % 9 == 0 { "Ajourné(e)".into() } else { "Admis(e)".into() },
            note: if index % 13 == 0 { "Note conservée de la session 2026".into() } else { String::new() },
        })
        .collect();
    MinutesSheet {
        office: office(),
        session: 2027,
        opened_at: "jeudi 1er\u{A0}juillet 2027 à 9\u{A0}h".into(),
        sealed_at: Some("jeudi 1er\u{A0}juillet 2027 à 11\u{A0}h\u{A0}42".into()),
        jury_order: "arrêté du 3\u{A0}novembre 2026".into(),
        members: vec![
            MinutesMember { name: "Mme Odile FERRAND".into(), role: "Présidente".into(), quality: "IA-IPR établissements et vie scolaire".into() },
            MinutesMember { name: "M. Loïc GUÉGUEN".into(), role: "Membre".into(), quality: "Chef du service académique d’information et d’orientation".into() },
        ],
        admitted: rows.iter().filter(|row| row.outcome == "Admis(e)").take(12).map(|row| row.name.clone()).collect(),
        rows,
        epreuves: vec!["Épreuve 1".into(), "Épreuve 2".into()],
        rules: vec!["Chaque épreuve est notée de 0 à 20\u{202F}; est admis le candidat qui obtient au moins 10 à chacune (arrêté du 5\u{A0}mai 2017).".into()],
        changes: vec!["22-2027-0003, épreuve 2\u{A0}: de 9,5 à 10, à l’unanimité.".into()],
        seal: Some("9f2c4a7be1d05538".into()),
        president_name: "Mme Odile FERRAND".into(),
        simulated: false,
    }
}

pub fn order() -> OrderSheet {
    OrderSheet {
        office: office(),
        title: "Arrêté fixant la liste des candidats admis à se présenter à l’examen, session 2027".into(),
        visas: vec![
            "Vu le décret n°\u{A0}2017-791 du 5\u{A0}mai 2017\u{202F};".into(),
            "Vu l’arrêté du 5\u{A0}mai 2017 relatif à l’examen, notamment son article 2,".into(),
        ],
        articles: vec![
            ("Article 1er".into(), vec!["Sont admis à se présenter les candidats dont les noms suivent.".into()]),
            (
                "Article 2".into(),
                vec!["La secrétaire générale de l’académie est chargée de l’exécution du présent arrêté.".into()],
            ),
        ],
        table: Some(SimpleTable {
            headers: vec!["Nom".into(), "Prénoms".into(), "Établissement".into()],
            rows: (0..14)
                .map(|index| {
                    vec![format!("NOM {index}"), "Élise".into(), "Collège Jean-Moulin, Brive-la-Gaillarde".into()]
                })
                .collect(),
        }),
        place: "Limoges".into(),
        date: date(2026, 10, 15),
        signatory: signatory(),
        simulated: false,
    }
}

pub fn letter() -> LetterSheet {
    LetterSheet {
        office: office(),
        addressee: convocation().addressee,
        subject: "Votre inscription à l’examen, session 2027".into(),
        reference: Some("22-2027-0042".into()),
        paragraphs: vec![
            "Madame,".into(),
            "Vous avez demandé votre inscription à l’examen du certificat. Votre contrat étant à durée déterminée, vous n’appartenez pas aux catégories de personnels admises à s’y présenter (décret n°\u{A0}2017-791 du 5\u{A0}mai 2017). Je ne peux donc donner une suite favorable à votre demande.".into(),
            "Je vous prie d’agréer, Madame, l’expression de ma considération distinguée.".into(),
        ],
        appeal: appeal(),
        place: "Limoges".into(),
        date: date(2026, 10, 15),
        signatory: signatory(),
        simulated: false,
    }
}

pub fn attestation() -> AttestationSheet {
    AttestationSheet {
        person: person(),
        birth_date: Some(date(1988, 2, 29)),
        office: office(),
        title: "Attestation de présence en formation".into(),
        paragraphs: vec![
            "La personne nommée ci-dessus a suivi les modules suivants de la formation préparant au certificat.".into(),
        ],
        table: Some(SimpleTable {
            headers: vec!["Module".into(), "Durée".into(), "Présence".into()],
            rows: vec![
                vec!["MO1".into(), "20 h".into(), "20 h".into()],
                vec!["MP2".into(), "20 h".into(), "14 h".into()],
            ],
        }),
        place: "Limoges".into(),
        date: date(2027, 6, 30),
        signatory: signatory(),
        simulated: false,
    }
}

pub fn portfolio() -> PortfolioSheet {
    let table = |headers: &[&str], count: usize| {
        let headers: Vec<String> = headers.iter().map(|own| (*own).to_owned()).collect();
        let row = |index: usize| headers.iter().map(|own| format!("{own} {index}")).collect();
        SimpleTable { rows: (0..count).map(row).collect(), headers }
    };
    let section = |heading: &str, count: usize| PortfolioSection {
        heading: heading.into(),
        paragraphs: if count == 0 { vec!["Rien n’est enregistré.".into()] } else { Vec::new() },
        table: (count > 0).then(|| table(&["Compétence", "Niveau", "Constaté par"], count)),
    };
    PortfolioSheet {
        person: person(),
        birth_date: date(1988, 2, 29),
        office: office(),
        sections: vec![section("Compétences", 8), section("Constats", 60), section("Formation", 0)],
        date: date(2027, 6, 30),
        simulated: false,
    }
}

pub fn sign_in() -> SignInSheet {
    SignInSheet {
        office: office(),
        title: "Épreuve 2 – Rectorat de Limoges, salle 3".into(),
        date: date(2027, 1, 21),
        rows: (0..24)
            .map(|index| SignInRow {
                name: format!("M. Candidat N° {index}"),
                detail: format!("{} h 15", 8 + index % 9),
            })
            .collect(),
        simulated: false,
    }
}
