//! The steps of a session in their order, each at its date: accounts, opening, import, decisions, list, jury, calendar,
//! convocations, marks, deliberation, publication, certificates. Every act is done by an account that has the right to it.

use std::collections::HashMap;
use std::time::Instant;

use fastrand::Rng;
use jiff::Timestamp;
use jiff::civil::{DateTime, date, datetime};

use super::examination::files;
use super::people;
use crate::clock::Clock;
use crate::domain::academy::Academy;
use crate::domain::account::{LinkPurpose, Password};
use crate::domain::evaluation::{Entry, EvaluationState};
use crate::domain::exchange::{Accepted, ImportKind};
use crate::domain::ids::{EmailAddress, Mark};
use crate::domain::permission::{Actor, Grant, Role};
use crate::domain::refusal::Refusal;
use crate::domain::session::Calendar;
use crate::domain::table::{Table, read_csv};
use crate::mail::messages::Letterhead;
use crate::office::publication::{certificate_notice, publish_what_is_due};
use crate::office::{convocation, documents};
use crate::store::accounts::{self, NewUser};
use crate::store::certificate::{self, IssueSettings};
use crate::store::eligibility::{self, Verdict};
use crate::store::exchange::{self, Place};
use crate::store::links::{self, Link};
use crate::store::reference::AcademyContact;
use crate::store::registration;
use crate::store::schedule::{self, SlotFilter};
use crate::store::session::{self, OpenSession};
use crate::store::{Db, Lock, StoreError, Stored, deliberation, evaluation, jury, publication, reference, settings};

/// What to play.
pub struct Plan {
    pub academy: &'static Academy,
    pub year: i16,
    /// Generated candidates, unless a table is given.
    pub count: usize,
    pub seed: u64,
    pub table: Option<Table>,
    pub public_url: String,
}

/// The accounts of the demonstration, by role.
pub struct Cast {
    pub academy: &'static Academy,
    pub officer: Actor,
    pub head: Actor,
    pub trainer: Actor,
    pub tutor: Actor,
    pub president: Actor,
    pub tutor_name: String,
    pub tutor_email: String,
}

/// What was played: counts by name and seconds by step, in order.
#[derive(Debug, Default)]
pub struct Played {
    pub session_id: String,
    pub training_id: String,
    pub counts: Vec<(&'static str, i64)>,
    pub seconds: Vec<(&'static str, f64)>,
    /// Lines of the file set aside: (line, reason).
    pub set_aside: Vec<(u64, String)>,
    /// Refusals confirmed: (number, name, reasons).
    pub refusals: Vec<(String, String, String)>,
    /// (role, address) of the accounts to sign in with.
    pub accounts: Vec<(&'static str, String)>,
}

struct Stage<'a> {
    db: &'a Db,
    clock: &'a Clock,
    plan: &'a Plan,
    played: Played,
    hash: String,
    started: Instant,
    told: &'a mut dyn FnMut(&str),
}

impl Stage<'_> {
    fn at(&self, local: DateTime) -> Stored<Timestamp> {
        self.plan.academy.instant(local).map_err(|e| StoreError::Broken(e.to_string()))
    }

    fn set(&self, local: DateTime) -> Stored<()> {
        self.clock.set(self.at(local)?);
        Ok(())
    }

    fn count(&mut self, name: &'static str, value: usize) {
        self.played.counts.push((name, i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn done(&mut self, step: &'static str) {
        let seconds = self.started.elapsed().as_secs_f64();
        self.played.seconds.push((step, seconds));
        (self.told)(step);
        self.started = Instant::now();
    }
}

/// Plays the session; `told` hears the name of each step when it ends.
///
/// # Errors
/// Those of the store: a demonstration that is refused is a bug, or a file without anyone to admit.
pub fn play(db: &Db, clock: &Clock, plan: &Plan, told: &mut dyn FnMut(&str)) -> Stored<Played> {
    let password =
        Password::choose(super::PASSWORD, "demo@example.org").map_err(|e| StoreError::Broken(e.to_string()))?;
    let hash = crate::password::hash_now(&password)?;
    let mut stage = Stage { db, clock, plan, played: Played::default(), hash, started: Instant::now(), told };
    let year = plan.year;
    stage.set(datetime(year - 1, 5, 18, 9, 0, 0, 0))?;
    let cast = open_house(&mut stage)?;
    stage.done("ouverture");
    let session_id = open_session(&stage, &cast, year)?;
    stage.played.session_id.clone_from(&session_id);
    stage.set(datetime(year - 1, 9, 10, 10, 0, 0, 0))?;
    import(&mut stage, &cast, &session_id)?;
    stage.done("import");
    stage.set(datetime(year - 1, 10, 6, 9, 0, 0, 0))?;
    decide(&mut stage, &cast, &session_id)?;
    stage.done("recevabilite");
    name_jury(&mut stage, &cast, &session_id)?;
    stage.done("jury");
    seat_everyone(&mut stage, &cast, &session_id)?;
    stage.done("calendrier");
    let told = convocation::convoke(db, &cast.officer, &session_id, &plan.public_url)?;
    stage.count("convocations", told.candidates + told.jurors);
    stage.done("convocations");
    stage.set(datetime(year, 6, 21, 9, 0, 0, 0))?;
    train(&mut stage, &cast, &session_id)?;
    stage.done("formation");
    enter_marks(&mut stage, &session_id)?;
    stage.done("notes");
    stage.set(datetime(year, 6, 22, 14, 0, 0, 0))?;
    deliberate(&mut stage, &cast, &session_id)?;
    stage.done("deliberation");
    publish(&mut stage, &cast, &session_id)?;
    stage.done("publication");
    draw(&mut stage, &cast, &session_id)?;
    stage.done("documents");
    stage.set(datetime(year, 7, 5, 9, 0, 0, 0))?;
    let known = known_people(&stage, &session_id)?;
    super::staff::play(db, &cast, year, &known)?;
    stage.done("personnels");
    stage.set(datetime(year, 7, 5, 9, 30, 0, 0))?;
    invite_candidates(&mut stage, &session_id)?;
    keep_clock(&stage)?;
    stage.done("comptes");
    Ok(stage.played)
}

/// Marks the database as a demonstration and makes an account for each role.
fn open_house(stage: &mut Stage<'_>) -> Stored<Cast> {
    let academy = stage.plan.academy;
    let code = academy.code.clone();
    let contact = AcademyContact {
        city: academy.name.clone(),
        service: "Division des examens et concours (DEC)".into(),
        phone: "05 55 00 00 00".into(),
        email: "dec@ac-demo.example".into(),
        signatory_name: "Claire Montfort".into(),
        signatory_title: format!("Rectrice de l’{}, chancelière des universités", academy.full_name()),
        delegation: None,
    };
    stage.db.write_now(&Actor::system("demo"), Lock::House, move |tx| {
        reference::load(tx)?;
        settings::set(tx, settings::DEMO, "1")?;
        settings::set(tx, settings::CLOCK_OFFSET, "0")?;
        reference::describe_academy(tx, &code, &contact)
    })?;
    let accounts: [(&'static str, &str, &str, Role, bool); 8] = [
        ("gestionnaire des examens", "gestion@ac-demo.example", "Sophie Lambert", Role::ExamOfficer, true),
        ("chef du bureau des examens", "bureau@ac-demo.example", "Marc Delmas", Role::ExamOfficeHead, true),
        ("responsable de formation", "formation@ac-demo.example", "Nadia Benali", Role::TrainingManager, true),
        ("tutrice", "tutrice@ac-demo.example", "Élise Fournier", Role::Tutor, true),
        ("administrateur académique", "admin@ac-demo.example", "Paul Girard", Role::AcademyAdministrator, true),
        (
            "administratrice de la plateforme",
            "plateforme@demo.example",
            "Inès Caron",
            Role::PlatformAdministrator,
            false,
        ),
        ("lecteur national (DGESCO)", "national@demo.example", "Louis Hamelin", Role::NationalReader, false),
        ("présidente du jury", "presidence.jury@ac-demo.example", "Hélène VERGNAUD", Role::JuryPresident, true),
    ];
    let mut actors = HashMap::new();
    for (label, email, name, role, is_local) in accounts {
        let scope = is_local.then(|| academy.code.clone());
        let actor = account(stage, email, name, role, scope)?;
        stage.played.accounts.push((label, email.to_owned()));
        actors.insert(role, actor);
    }
    let mut take = |role: Role| actors.remove(&role).ok_or_else(|| StoreError::Broken(format!("compte {role} absent")));
    Ok(Cast {
        academy,
        officer: take(Role::ExamOfficer)?,
        head: take(Role::ExamOfficeHead)?,
        trainer: take(Role::TrainingManager)?,
        tutor: take(Role::Tutor)?,
        president: take(Role::JuryPresident)?,
        tutor_name: "Élise Fournier".into(),
        tutor_email: "tutrice@ac-demo.example".into(),
    })
}

fn account(stage: &Stage<'_>, email: &str, name: &str, role: Role, academy: Option<String>) -> Stored<Actor> {
    let address = EmailAddress::parse(email).map_err(|e| StoreError::Broken(e.to_string()))?;
    let (name, hash) = (name.to_owned(), stage.hash.clone());
    stage.db.write_now(&Actor::system("demo"), Lock::House, move |tx| {
        let id = accounts::create_user(tx, &NewUser { email: address.clone(), name: name.clone() })?;
        accounts::grant_role(tx, &id, role, academy.as_deref())?;
        let token = links::create_link(
            tx,
            &Link {
                purpose: LinkPurpose::Password,
                email: address,
                name,
                user_id: Some(id.clone()),
                person_id: None,
                juror_id: None,
                expires: tx.at.checked_add(jiff::SignedDuration::from_hours(1)).unwrap_or(tx.at),
            },
        )?;
        links::use_link(tx, &token, Some(&hash))?;
        accounts::find_actor(tx.conn, &id)?.ok_or(StoreError::NotFound)
    })
}

/// Opens the session of `year` with the calendar the texts describe: June to September, then the épreuves.
fn open_session(stage: &Stage<'_>, cast: &Cast, year: i16) -> Stored<String> {
    let calendar = Calendar {
        registration_opens_at: stage.at(datetime(year - 1, 6, 1, 8, 0, 0, 0))?,
        registration_closes_at: stage.at(datetime(year - 1, 9, 30, 23, 59, 59, 0))?,
        epreuves_from: date(year, 1, 11),
        epreuves_to: date(year, 6, 18),
    };
    let academy_code = cast.academy.code.clone();
    let centre_name = format!("Lycée des Cordeliers, {}", cast.academy.name);
    stage.db.write_now(&cast.officer, Lock::House, move |tx| {
        let regulation_id = reference::regulation_for_year(tx.conn, year)?;
        let pieces =
            reference::rules_of(tx.conn, &regulation_id)?.required_pieces().map(|piece| piece.code.clone()).collect();
        session::open_session(
            tx,
            &OpenSession { academy_code, year, calendar, centre_name, centre_uai: None, regulation_id, pieces },
        )
    })
}

fn import(stage: &mut Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    let table = match &stage.plan.table {
        Some(table) => table.clone(),
        None => {
            let csv = people::candidates_csv(cast.academy, stage.plan.year, stage.plan.count, stage.plan.seed);
            read_csv(csv.as_bytes()).map_err(|e| StoreError::Broken(e.to_string()))?
        }
    };
    let now = stage.clock.now();
    let report = stage.db.read_now(|conn| {
        let session = session::load_session(conn, session_id)?;
        registration::preview_import(conn, &session.academy_code, session.year16(), Some(&session), &table, &[], now)
    })?;
    let mut aside: Vec<(u64, String)> = Vec::new();
    for finding in report.blocking() {
        if finding.line <= 1 {
            return Err(Refusal::new("import_blocked", finding.message.clone()).into());
        }
        match aside.iter_mut().find(|(line, _)| *line == finding.line) {
            Some((_, reason)) => {
                reason.push(' ');
                reason.push_str(&finding.message);
            }
            None => aside.push((finding.line, finding.message.clone())),
        }
    }
    let (id, set_aside) = (session_id.to_owned(), aside.clone());
    let done = stage.db.write_now(&cast.officer, Lock::Session(id.clone()), move |tx| {
        registration::import_candidates(tx, &id, &table, &set_aside)
    })?;
    stage.count("lignes_mises_de_cote", aside.len());
    stage.count("inscrits", done.registered);
    stage.played.set_aside = aside;
    Ok(())
}

/// An officer confirms the refusals and examines the doubts, then the list is fixed.
fn decide(stage: &mut Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    let waiting = stage.db.read_now(|conn| eligibility::list_undecided(conn, session_id))?;
    let mut refused = Vec::new();
    let mut admissible = Vec::new();
    for (file, decision) in &waiting {
        if decision.proposed == "refusal_proposed" {
            refused.push((file.id.clone(), file.version));
            let person = stage.db.read_now(|conn| crate::store::people::get_person(conn, &file.person_id))?;
            let reasons = registration::assessment_of(decision)?.reasons().join(" ");
            stage.played.refusals.push((file.number.clone(), person.shown_name(), reasons));
        } else {
            admissible.push((file.id.clone(), file.version));
        }
    }
    stage.count("refus", refused.len());
    receive_pieces(stage, cast, session_id)?;
    let id = session_id.to_owned();
    let listed = stage.db.write_now(&cast.officer, Lock::Session(id.clone()), move |tx| {
        if !refused.is_empty() {
            let reasons = "Contrat à durée déterminée : le décret réserve l’examen aux personnels titulaires ou en contrat à durée indéterminée.";
            eligibility::decide(tx, &refused, Verdict::Refused, reasons)?;
        }
        if !admissible.is_empty() {
            let reasons = "Corps non nommé par le décret ; missions exercées auprès de la MLDS depuis plus de trois ans.";
            eligibility::decide(tx, &admissible, Verdict::Admissible, reasons)?;
        }
        eligibility::fix_list(tx, &id)
    })?;
    stage.count("candidats", usize::try_from(listed).unwrap_or(0));
    Ok(())
}

/// An officer notes the pieces as they come; a demonstration of thousands leaves them for the office to note.
fn receive_pieces(stage: &Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    if stage.plan.count > 200 {
        return Ok(());
    }
    let id = session_id.to_owned();
    stage.db.write_now(&cast.officer, Lock::Session(id.clone()), move |tx| {
        let wanted = session::list_required_pieces(tx.conn, &id)?;
        for file in files(tx.conn, &id, None, 500)? {
            for (code, _) in &wanted {
                registration::note_piece(tx, &file.registration.id, code, "accepted")?;
            }
        }
        Ok(())
    })
}

/// The jury comes from its spreadsheet, its conflicts are examined, its order is signed.
fn name_jury(stage: &mut Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    stage.set(datetime(stage.plan.year - 1, 11, 16, 10, 0, 0, 0))?;
    let csv = people::jurors_csv(stage.plan.count, stage.plan.seed);
    let table = read_csv(csv.as_bytes()).map_err(|e| StoreError::Broken(e.to_string()))?;
    let signed_on = date(stage.plan.year - 1, 11, 16);
    let id = session_id.to_owned();
    stage.db.write_now(&cast.officer, Lock::Session(id.clone()), move |tx| {
        let place = Place::session(&session::load_session(tx.conn, &id)?);
        exchange::import(tx, ImportKind::Jurors, &place, &table, &[], &Accepted::NewOnly)?;
        jury::find_conflicts(tx, &id)?;
        jury::sign_order(tx, &id, "2026-DEC-114", signed_on)
    })?;
    // Every juror opens their seat by the link of their invitation, as they would.
    let members = stage.db.read_now(|conn| jury::list_jurors(conn, session_id))?;
    stage.count("jures", members.len());
    let hash = stage.hash.clone();
    stage.played.accounts.push(("membre du jury", "jury.1.1@ac-demo.example".into()));
    stage.db.write_now(&Actor::system("demo"), Lock::House, move |tx| {
        for juror in &members {
            let email = EmailAddress::parse(&juror.email).map_err(|e| StoreError::Broken(e.to_string()))?;
            let link = Link {
                purpose: LinkPurpose::Invitation,
                email,
                name: juror.shown_name(),
                user_id: None,
                person_id: None,
                juror_id: Some(juror.id.clone()),
                expires: tx.at.checked_add(jiff::SignedDuration::from_hours(1)).unwrap_or(tx.at),
            };
            let token = links::create_link(tx, &link)?;
            links::use_link(tx, &token, Some(&hash))?;
        }
        Ok(())
    })
}

fn seat_everyone(stage: &mut Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    stage.set(datetime(stage.plan.year - 1, 12, 1, 10, 0, 0, 0))?;
    let proposal = stage.db.read_now(|conn| {
        let session = session::load_session(conn, session_id)?;
        schedule::plan_missing(conn, &session)
    })?;
    if let Some(unplaced) = proposal.unplaced.first() {
        return Err(Refusal::new("unplaced", format!("Le calendrier ne se remplit pas : {}", unplaced.reason)).into());
    }
    let id = session_id.to_owned();
    let placed = stage.db.write_now(&cast.officer, Lock::Session(id.clone()), move |tx| {
        schedule::place_all(tx, &id, &proposal.placements)
    })?;
    stage.count("passages", placed);
    Ok(())
}

/// A dozen candidates whose records are filled in, whatever the size of the session.
fn known_people(stage: &Stage<'_>, session_id: &str) -> Stored<Vec<String>> {
    let files = stage.db.read_now(|conn| files(conn, session_id, Some("admitted"), 12))?;
    Ok(files.into_iter().map(|file| file.person.id).collect())
}

/// Trainees of the training year.
const TRAINEES: usize = 30;

/// Candidates who prepare the exam follow the training year, to the attestations.
fn train(stage: &mut Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    let (people, regulation_id) = stage.db.read_now(|conn| {
        let files = files(conn, session_id, Some("admitted"), 200)?;
        // Those who said so first, then others: thirty trainees where the session has as many.
        let (trained, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.registration.trained);
        let trained: Vec<String> =
            trained.into_iter().chain(others).take(TRAINEES).map(|file| file.person.id).collect();
        Ok((trained, session::load_session(conn, session_id)?.regulation_id))
    })?;
    stage.count("stagiaires", people.len());
    stage.played.training_id = super::training::play(stage.db, cast, &regulation_id, stage.plan.year, &people)?;
    super::competences::play(stage.db, cast, stage.plan.year, &people)?;
    Ok(())
}

const APPRAISALS: [&str; 4] = [
    "Séance construite et bien conduite ; les jeunes sont acteurs. L’analyse de la pratique est précise.",
    "Bonne connaissance des partenaires et des dispositifs. La différenciation reste à approfondir.",
    "Exposé clair. La question du suivi après la remobilisation a été peu traitée.",
    "Posture professionnelle assurée ; propositions réalistes pour l’étude de cas.",
];

/// Each commission's chair enters what it proposes, many at once as on a day of épreuves.
fn enter_marks(stage: &mut Stage<'_>, session_id: &str) -> Stored<()> {
    let (seats, rows, pack) = stage.db.read_now(|conn| {
        let session = session::load_session(conn, session_id)?;
        let slots = schedule::list_slots(conn, &session, &SlotFilter::default())?;
        let commissions: HashMap<String, Option<String>> = jury::get_jury(conn, &session)?
            .commissions
            .into_iter()
            .map(|one| (one.commission.id, one.seats.into_iter().find_map(|seat| seat.juror.user_id)))
            .collect();
        let seats: HashMap<(String, i32), String> = slots
            .into_iter()
            .filter_map(|view| {
                let user = commissions.get(&view.slot.commission_id).cloned().flatten()?;
                Some(((view.slot.registration_id, view.slot.epreuve), user))
            })
            .collect();
        Ok((seats, evaluation::list_of_session(conn, session_id)?, reference::rules_of(conn, &session.regulation_id)?))
    })?;
    let mut rng = Rng::with_seed(stage.plan.seed ^ 0x6d61_726b);
    let academy = stage.plan.academy.code.clone();
    let all_present = stage.plan.table.is_some();
    let step = pack.marks.step.value.max(1);
    let mut first = None;
    let mut work = Vec::new();
    for (row, ..) in rows.into_iter().filter(|(row, ..)| row.state == EvaluationState::Expected) {
        let key = (row.registration_id.clone(), row.epreuve);
        let user_id = seats.get(&key).cloned().ok_or_else(|| StoreError::Broken("passage sans commission".into()))?;
        // The first candidate always passes, so that the demonstration issues at least one certificate.
        let leader = first.get_or_insert_with(|| row.registration_id.clone()) == &row.registration_id;
        let absent = !all_present && !leader && rng.u32(0..100) < 2;
        let low = if leader { 1200 } else { 700 };
        let mark = (low + rng.i32(0..=(1900 - low) / step) * step) / step * step;
        let lines = pack
            .epreuve(&row.epreuve.to_string())
            .map(|epreuve| epreuve.grid.iter().map(|line| (line.code.clone(), rng.i32(2..=4))).collect())
            .unwrap_or_default();
        let entry = Entry {
            mark: (!absent).then_some(Mark::from_hundredths(mark)),
            appraisal: if absent { String::new() } else { APPRAISALS[rng.usize(0..APPRAISALS.len())].to_owned() },
            lines: if absent { Vec::new() } else { lines },
        };
        let actor = Actor {
            user_id,
            name: "Commission".into(),
            email: String::new(),
            grants: vec![Grant { role: Role::JuryMember, academy: Some(academy.clone()) }],
            is_system: false,
        };
        work.push((row.id, row.version, actor, entry));
    }
    stage.count("notes_saisies", work.len());
    let writers = 16;
    let share = work.len().div_ceil(writers).max(1);
    let failures: Vec<Stored<()>> = std::thread::scope(|scope| {
        let handles: Vec<_> = work
            .chunks(share)
            .map(|chunk| {
                let (db, chunk, session_id) = (stage.db.clone(), chunk.to_vec(), session_id.to_owned());
                scope.spawn(move || {
                    for (id, version, actor, entry) in chunk {
                        db.write_now(&actor, Lock::Session(session_id.clone()), move |tx| {
                            evaluation::enter(tx, &id, version, &entry).map(|_| ())
                        })?;
                    }
                    Ok(())
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|_| Err(StoreError::Unavailable("saisie interrompue".into()))))
            .collect()
    });
    failures.into_iter().collect()
}

fn deliberate(stage: &mut Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    let id = session_id.to_owned();
    stage.db.write_now(&cast.president, Lock::Session(id.clone()), move |tx| {
        deliberation::open(tx, &id)?;
        deliberation::seal_deliberation(tx, &id).map(|_| ())
    })?;
    for (outcome, count) in stage.db.read_now(|conn| deliberation::count_outcomes(conn, session_id))? {
        let name = match outcome {
            crate::domain::deliberation::Outcome::Admitted => "admis",
            crate::domain::deliberation::Outcome::Adjourned => "ajournes",
            crate::domain::deliberation::Outcome::Absent => "absents",
        };
        stage.played.counts.push((name, count));
    }
    Ok(())
}

fn publish(stage: &mut Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    let at = stage.at(datetime(stage.plan.year, 7, 1, 10, 0, 0, 0))?;
    let id = session_id.to_owned();
    stage.db.write_now(&cast.officer, Lock::Session(id.clone()), move |tx| publication::plan(tx, &id, at))?;
    stage.clock.set(at);
    if publish_what_is_due(stage.db, &stage.plan.public_url)? != 1 {
        return Err(StoreError::Broken("la session n’a pas été publiée à son instant".into()));
    }
    let settings = IssueSettings { public_url: stage.plan.public_url.clone(), simulated: true, loopback: true };
    let (id, academy) = (session_id.to_owned(), stage.plan.academy.code.clone());
    stage.clock.set(stage.at(datetime(stage.plan.year, 7, 2, 9, 0, 0, 0))?);
    let issued = stage.db.write_now(&cast.head, Lock::Session(id.clone()), move |tx| {
        let head = Letterhead::of(&reference::get_academy(tx.conn, &academy)?);
        let tell = |session: &_, person: &_| certificate_notice(&head, &settings.public_url, session, person);
        certificate::issue(tx, &id, &settings, &tell)
    })?;
    stage.count("certificats", issued);
    Ok(())
}

/// Every document of the session, drawn outside any write.
fn draw(stage: &mut Stage<'_>, cast: &Cast, session_id: &str) -> Stored<()> {
    // A demonstration's clock stands still while it plays, so that its documents carry the dates of its story.
    let session = stage.db.read_now(|conn| session::get_session(conn, &cast.academy.code, session_id))?;
    let drawn = documents::draw_transcripts(stage.db, &session)?;
    stage.count("releves", drawn);
    documents::draw_certificates(stage.db)?;
    documents::minutes_document(stage.db, &session)?;
    crate::office::list::list_order_document(stage.db, &session)?;
    documents::admitted_document(stage.db, &session)?;
    Ok(())
}

/// Two candidates open their account by invitation: one admitted, one adjourned, to be signed in with.
fn invite_candidates(stage: &mut Stage<'_>, session_id: &str) -> Stored<()> {
    use crate::domain::deliberation::Outcome;
    let lines = stage.db.read_now(|conn| deliberation::list_candidates(conn, session_id))?;
    for (label, wanted) in
        [("candidate ou candidat admis", Outcome::Admitted), ("candidate ou candidat ajourné", Outcome::Adjourned)]
    {
        let Some(line) = lines.iter().find(|line| {
            line.explained.as_ref().is_some_and(|explained| explained.outcome == wanted)
                && !line.person.email.is_empty()
        }) else {
            continue;
        };
        let email = EmailAddress::parse(&line.person.email).map_err(|e| StoreError::Broken(e.to_string()))?;
        let (person_id, name, hash) = (line.person.id.clone(), line.person.shown_name(), stage.hash.clone());
        let claimed = stage.db.write_now(&Actor::system("demo"), Lock::House, move |tx| {
            let link = Link {
                purpose: LinkPurpose::Invitation,
                email,
                name,
                user_id: None,
                person_id: Some(person_id),
                juror_id: None,
                expires: tx.at.checked_add(jiff::SignedDuration::from_hours(1)).unwrap_or(tx.at),
            };
            let token = links::create_link(tx, &link)?;
            links::use_link(tx, &token, Some(&hash))
        })?;
        super::competences::situate(stage.db, &claimed.user_id, stage.plan.year)?;
        stage.played.accounts.push((label, line.person.email.clone()));
    }
    Ok(())
}

/// Keeps the distance between the story's time and the real one: the demonstration goes on from here, its time flowing.
fn keep_clock(stage: &Stage<'_>) -> Stored<()> {
    let offset = stage.clock.now().duration_since(Clock::system().now()).as_secs();
    stage.db.write_now(&Actor::system("demo"), Lock::House, move |tx| {
        settings::set(tx, settings::CLOCK_OFFSET, &offset.to_string())
    })
}
