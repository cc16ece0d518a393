//! Stand-in for the permission table until it arrives.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role { Candidate, JuryMember, CommissionChair, JuryPresident, ExamOfficer, ExamOfficeHead, TrainingManager, Tutor, AcademyAdministrator, NationalReader, PlatformAdministrator, ServiceAccount }
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant { pub role: Role, pub academy: Option<String> }
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor { pub user_id: String, pub name: String, pub email: String, pub grants: Vec<Grant>, pub is_system: bool }
impl Actor {
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool { self.grants.iter().any(|grant| grant.role == role) }
}
