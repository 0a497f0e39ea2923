//! Whether a mirror may be given to this client.

use heliostat_snapshot::records::{HostCountryRow, HostRow, MirrorRow};

use super::{Case, LeftOut, Tier};

impl Case<'_> {
    /// Says why a mirror cannot be given, if it cannot.
    #[inline(always)]
    pub(super) fn fit(&self, tier: Tier, mirror: &MirrorRow) -> Result<(), LeftOut> {
        if !self.schemes.meets(mirror.schemes) {
            return Err(LeftOut::Scheme);
        }
        if mirror.restricted != 0 && tier.heeds_restrictions() && !self.allowed(mirror) {
            return Err(LeftOut::Restricted);
        }
        if self.avoids && self.avoided(mirror) {
            return Err(LeftOut::Avoided);
        }
        Ok(())
    }

    /// Whether the host serves clients of this country; an unknown country is none of them.
    fn allowed(&self, mirror: &MirrorRow) -> bool {
        let Some(country) = self.place.country.map(|country| country.to_bytes()) else {
            return false;
        };
        let Some(host) = self.snapshot.row::<HostRow>(mirror.host.get()) else { return false };
        let allowed = self.snapshot.span::<HostCountryRow>(host.countries_allowed);
        allowed.iter().any(|row| row.code == country)
    }

    fn avoided(&self, mirror: &MirrorRow) -> bool {
        let Some(host) = self.snapshot.row::<HostRow>(mirror.host.get()) else { return false };
        let name = self.snapshot.text(host.name);
        let mut avoided = self.ask.avoid.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        avoided.any(|avoid| !avoid.is_empty() && avoid.eq_ignore_ascii_case(name))
    }
}

impl Tier {
    /// Whether a host's list of countries counts in this tier: its own networks it always serves.
    fn heeds_restrictions(self) -> bool {
        !matches!(self, Tier::Netblock | Tier::Asn)
    }
}
