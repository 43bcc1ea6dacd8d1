//! Container ids: 64 hexadecimal digits, as Docker's, but the same in every run.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// The id of the container called `name`. It depends on nothing else, so that a container keeps
/// its id from run to run and from seed to seed.
pub fn container_id(name: &str) -> String {
    hex_digits(&format!("container {name}"))
}

/// The digest of the image that all the synthetic containers claim to run.
pub fn image_id() -> String {
    format!("sha256:{}", hex_digits("image"))
}

fn hex_digits(key: &str) -> String {
    let mut bytes = [0_u8; 32];
    ChaCha8Rng::seed_from_u64(fnv1a(key)).fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// FNV-1a, 64 bits: std's hashers promise no stability across releases.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_64_hexadecimal_digits_and_differ_by_name() {
        let ids: std::collections::HashSet<String> = (0..10_000)
            .map(|n| container_id(&format!("web-{n}")))
            .collect();
        assert_eq!(ids.len(), 10_000);
        for id in &ids {
            assert!(
                id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()),
                "{id}"
            );
        }
    }

    #[test]
    fn an_id_is_the_same_in_every_release() {
        assert_eq!(&container_id("web-00")[..12], "4106d40a6f86");
    }
}
