//! Who may do what: one table, `may(actor, action, object)`.
//! Pages ask it to show a button; store commands ask it again, inside the transaction, to act.
//! An academy sees only its own people; the national reader sees counts, never a person's marks.

words! {
    /// The roles of the exam (domain: who uses it).
    pub enum Role {
        Candidate = "candidate",
        JuryMember = "jury_member",
        CommissionChair = "commission_chair",
        JuryPresident = "jury_president",
        ExamOfficer = "exam_officer",
        ExamOfficeHead = "exam_office_head",
        TrainingManager = "training_manager",
        Tutor = "tutor",
        AcademyAdministrator = "academy_administrator",
        NationalReader = "national_reader",
        PlatformAdministrator = "platform_administrator",
        ServiceAccount = "service_account",
    }
}

impl Role {
    /// The French name shown on screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Role::Candidate => "candidat(e)",
            Role::JuryMember => "membre du jury",
            Role::CommissionChair => "président(e) de commission",
            Role::JuryPresident => "président(e) du jury",
            Role::ExamOfficer => "gestionnaire des examens",
            Role::ExamOfficeHead => "chef(fe) du bureau des examens",
            Role::TrainingManager => "responsable de formation",
            Role::Tutor => "tuteur ou tutrice",
            Role::AcademyAdministrator => "administrateur académique",
            Role::NationalReader => "lecteur national",
            Role::PlatformAdministrator => "administrateur de la plateforme",
            Role::ServiceAccount => "compte de service",
        }
    }

    /// Roles held for the whole country, without an academy.
    #[must_use]
    pub const fn is_national(self) -> bool {
        matches!(self, Role::NationalReader | Role::PlatformAdministrator)
    }
}

/// A role held by a user, in one academy or (national roles) everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub role: Role,
    /// Academy code, e.g. `22`; `None` only for national roles.
    pub academy: Option<String>,
}

/// Who acts: a signed-in user, or the program itself (`System`: command line, jobs).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub user_id: String,
    pub name: String,
    pub email: String,
    pub grants: Vec<Grant>,
    /// The command line and the background jobs run with the rights of whoever holds the machine.
    pub is_system: bool,
}

impl Actor {
    /// The program itself, named in the audit chain as `origin` (for example `cli:import`).
    #[must_use]
    pub fn system(origin: &str) -> Self {
        Actor {
            user_id: format!("system:{origin}"),
            name: format!("cplds ({origin})"),
            email: String::new(),
            grants: Vec::new(),
            is_system: true,
        }
    }

    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.grants.iter().any(|grant| grant.role == role)
    }

    /// Academies in which this actor holds one of `roles`, without repetition.
    #[must_use]
    pub fn academies(&self, roles: &[Role]) -> Vec<&str> {
        let mut codes: Vec<&str> = self
            .grants
            .iter()
            .filter(|grant| roles.contains(&grant.role))
            .filter_map(|grant| grant.academy.as_deref())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// Roles that form the exam office of an academy.
pub const OFFICE: &[Role] = &[Role::ExamOfficer, Role::ExamOfficeHead];
/// Roles of those who examine candidates.
pub const JURY: &[Role] = &[Role::JuryMember, Role::CommissionChair, Role::JuryPresident];

words! {
    /// An act or a sight that is asked for. One line per legal act of the exam's life.
    pub enum Action {
        SeeOffice = "see_office",
        OpenSession = "open_session",
        ImportPeople = "import_people",
        ExamineFiles = "examine_files",
        FixList = "fix_list",
        ManageJury = "manage_jury",
        ManageSchedule = "manage_schedule",
        SendConvocations = "send_convocations",
        SeeMarks = "see_marks",
        EnterMarks = "enter_marks",
        Deliberate = "deliberate",
        SealDeliberation = "seal_deliberation",
        AskReopening = "ask_reopening",
        GrantReopening = "grant_reopening",
        PlanPublication = "plan_publication",
        IssueCertificates = "issue_certificates",
        RevokeCertificate = "revoke_certificate",
        SeeOwnFile = "see_own_file",
        Apply = "apply",
        AnswerCorrections = "answer_corrections",
        SeeStaff = "see_staff",
        ManageStaff = "manage_staff",
        /// Records a certificate or a mark that comes from before this program, or an equivalence.
        RecordHolder = "record_holder",
        /// Keeps the list of schools.
        ManageSchools = "manage_schools",
        /// Says that such a record was verified against its evidence.
        CheckHolder = "check_holder",
        /// Accepts or declines a record that another academy hands over.
        AnswerHandover = "answer_handover",
        ManageTraining = "manage_training",
        FollowTrainee = "follow_trainee",
        AssessCompetences = "assess_competences",
        SeeNational = "see_national",
        ManageUsers = "manage_users",
        ManageReference = "manage_reference",
        SeeReference = "see_reference",
        Export = "export",
    }
}

/// What the action bears on, as facts already loaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Object<'a> {
    /// Academy the thing belongs to; `None` for things of the house (packs, platform users).
    pub academy: Option<&'a str>,
    /// The user whose own file this is.
    pub owner: Option<&'a str>,
    /// Users who sit in the commission concerned, preside the jury of the session, or accompany the trainee.
    pub members: &'a [String],
}

impl<'a> Object<'a> {
    #[must_use]
    pub const fn academy(code: &'a str) -> Self {
        Object { academy: Some(code), owner: None, members: &[] }
    }
    #[must_use]
    pub const fn house() -> Self {
        Object { academy: None, owner: None, members: &[] }
    }
    #[must_use]
    pub const fn owned_by(mut self, user_id: &'a str) -> Self {
        self.owner = Some(user_id);
        self
    }
    #[must_use]
    pub const fn with_members(mut self, members: &'a [String]) -> Self {
        self.members = members;
        self
    }
}

/// Roles whose holders may do the action **in their own academy** (or everywhere for national roles).
#[must_use]
pub const fn roles_for(action: Action) -> &'static [Role] {
    use Role::*;
    match action {
        Action::SeeOffice
        | Action::ImportPeople
        | Action::ExamineFiles
        | Action::ManageJury
        | Action::ManageSchedule
        | Action::SendConvocations
        | Action::Export => &[ExamOfficer, ExamOfficeHead],
        Action::OpenSession
        | Action::FixList
        | Action::PlanPublication
        | Action::IssueCertificates
        | Action::RevokeCertificate
        | Action::AskReopening => &[ExamOfficer, ExamOfficeHead],
        // The second person of a reopening is the head of office or the jury's president, and never the one who asked.
        Action::GrantReopening => &[ExamOfficeHead, JuryPresident],
        Action::SeeMarks => &[ExamOfficer, ExamOfficeHead, JuryPresident],
        Action::Deliberate | Action::SealDeliberation => &[JuryPresident, ExamOfficeHead],
        // Granted by sitting in the commission, never by a role alone.
        Action::EnterMarks => &[],
        Action::SeeOwnFile => &[],
        // Whoever has an account of candidate, in whatever academy: the rule on one's own rectorat comes after.
        Action::Apply => &[],
        // The civil status changes with the answer: not an officer alone.
        Action::AnswerCorrections => &[ExamOfficeHead, AcademyAdministrator],
        Action::SeeStaff => &[ExamOfficer, ExamOfficeHead, TrainingManager, AcademyAdministrator],
        Action::ManageStaff => &[TrainingManager, AcademyAdministrator, ExamOfficeHead],
        Action::ManageSchools => &[ExamOfficer, ExamOfficeHead, TrainingManager, AcademyAdministrator],
        Action::RecordHolder => &[ExamOfficer, ExamOfficeHead, TrainingManager, AcademyAdministrator],
        Action::CheckHolder => &[ExamOfficer, ExamOfficeHead],
        Action::AnswerHandover => &[TrainingManager, AcademyAdministrator],
        Action::ManageTraining => &[TrainingManager],
        Action::FollowTrainee => &[TrainingManager, Tutor],
        // A tutor is let in by accompanying the person, never by the role alone.
        Action::AssessCompetences => &[TrainingManager],
        Action::SeeNational => &[NationalReader, PlatformAdministrator],
        Action::ManageUsers => &[AcademyAdministrator, PlatformAdministrator],
        Action::ManageReference => &[PlatformAdministrator],
        Action::SeeReference => &[AcademyAdministrator, PlatformAdministrator, ExamOfficer, ExamOfficeHead],
    }
}

/// May `actor` do `action` on `object`?
///
/// National roles act on the country; every other grant counts only in its own academy.
/// Sitting in the commission concerned opens its marks, owning a file opens that file.
#[must_use]
pub fn may(actor: &Actor, action: Action, object: Object<'_>) -> bool {
    if actor.is_system {
        return true;
    }
    let by_role = actor.grants.iter().any(|grant| {
        roles_for(action).contains(&grant.role)
            && match (grant.academy.as_deref(), object.academy) {
                (None, _) => grant.role.is_national(),
                (Some(own), Some(asked)) => own == asked,
                // Things of the house: whoever holds the role anywhere may see them, only national roles may change them.
                (Some(_), None) => matches!(action, Action::SeeReference),
            }
    });
    let by_seat =
        matches!(action, Action::EnterMarks | Action::AssessCompetences) && object.members.contains(&actor.user_id);
    let by_ownership = match action {
        Action::SeeOwnFile => object.owner == Some(actor.user_id.as_str()),
        Action::Apply => actor.has_role(Role::Candidate) && object.owner == Some(actor.user_id.as_str()),
        _ => false,
    };
    by_role || by_seat || by_ownership
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role, academy: Option<&str>) -> Actor {
        Actor {
            user_id: "u1".into(),
            name: "Une personne".into(),
            email: "u1@ac.example".into(),
            grants: vec![Grant { role, academy: academy.map(str::to_owned) }],
            is_system: false,
        }
    }

    #[test]
    fn no_role_of_one_academy_acts_in_another() {
        for role in Role::ALL.iter().filter(|role| !role.is_national()) {
            for action in Action::ALL {
                assert!(!may(&actor(*role, Some("22")), *action, Object::academy("13")), "{role} {action}");
            }
        }
    }

    #[test]
    fn an_officer_examines_the_files_of_their_academy() {
        assert!(may(&actor(Role::ExamOfficer, Some("22")), Action::ExamineFiles, Object::academy("22")));
    }

    #[test]
    fn marks_are_entered_by_those_who_sit_in_the_commission_and_by_nobody_else() {
        let members = vec!["u1".to_owned()];
        let object = Object::academy("22").with_members(&members);
        assert!(may(&actor(Role::JuryMember, Some("22")), Action::EnterMarks, object));
        for role in Role::ALL {
            assert!(!may(&actor(*role, Some("22")), Action::EnterMarks, Object::academy("22")), "{role}");
        }
    }

    #[test]
    fn the_national_reader_never_sees_a_persons_marks() {
        let reader = actor(Role::NationalReader, None);
        assert!(may(&reader, Action::SeeNational, Object::house()));
        for action in [Action::SeeMarks, Action::SeeOffice, Action::SeeStaff, Action::Export] {
            assert!(!may(&reader, action, Object::academy("22")), "{action}");
        }
    }

    #[test]
    fn only_the_owner_sees_their_own_file() {
        let file = Object::academy("22").owned_by("u1");
        assert!(may(&actor(Role::Candidate, None), Action::SeeOwnFile, file));
        assert!(!may(&actor(Role::Candidate, None), Action::SeeOwnFile, Object::academy("22").owned_by("u2")));
    }

    #[test]
    fn a_candidate_applies_in_their_own_name_and_nobody_else_does() {
        let draft = Object::academy("22").owned_by("u1");
        assert!(may(&actor(Role::Candidate, None), Action::Apply, draft));
        assert!(!may(&actor(Role::ExamOfficer, Some("22")), Action::Apply, draft));
        assert!(!may(&actor(Role::Candidate, None), Action::Apply, Object::academy("22").owned_by("u2")));
    }
}
