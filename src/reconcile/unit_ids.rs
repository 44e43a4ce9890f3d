//! Uuids of deployment units: computed, so that no row has to remember them.
//!
//! A container that is replaced finds its unit again because the same service and place give the
//! same uuid (docs/adr/0003).

use uuid::Uuid;

/// Makes the uuids of one service's units.
#[derive(Clone, Copy, Debug)]
pub struct UnitIds {
    service: Uuid,
}

impl UnitIds {
    /// For the service with this uuid. A text that is no uuid is hashed into one.
    pub fn new(service_uuid: &str) -> UnitIds {
        let service = Uuid::try_parse(service_uuid)
            .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, service_uuid.as_bytes()));
        UnitIds { service }
    }

    /// The unit with `index` of a service with a fixed scale.
    pub fn by_index(&self, index: u32) -> String {
        Uuid::new_v5(&self.service, format!("index/{index}").as_bytes()).to_string()
    }

    /// The unit of a global service on the host with this id, whatever index it gets.
    pub fn by_host(&self, host: i64) -> String {
        Uuid::new_v5(&self.service, format!("host/{host}").as_bytes()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_gives_the_same_uuid() {
        let ids = UnitIds::new("5b0d2b5e-6f0c-4bd8-9a6e-0a8d3d3f7a11");
        assert_eq!(ids.by_index(3), ids.by_index(3));
        assert_ne!(ids.by_index(3), ids.by_index(30));
        assert_ne!(ids.by_index(3), ids.by_host(3));
        assert_ne!(ids.by_index(3), UnitIds::new("another").by_index(3));
    }

    #[test]
    fn uuids_are_promised_to_stay() {
        let ids = UnitIds::new("5b0d2b5e-6f0c-4bd8-9a6e-0a8d3d3f7a11");
        expect_test::expect!["921430a3-de38-502e-b741-31231053098a"].assert_eq(&ids.by_index(1));
        expect_test::expect!["56217281-1427-5e4e-b6cf-74ee45f81c8b"].assert_eq(&ids.by_host(1));
    }
}
