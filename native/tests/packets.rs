//! Whole packets: the bytes of sphinxmix (`sphinxmix.txt`, made by `tests/worlds/packets/sphinxmix_vectors.py`), and refusals.

#![forbid(unsafe_code)]

use std::collections::HashMap;

use loopixmix_native::batch::Batch;
use loopixmix_native::body;
use loopixmix_native::geometry::{COMMAND_BYTES, COMMAND_LENGTH, ELEMENT_BYTES, Geometry, Misuse, Refusal};
use loopixmix_native::group::{Element, Exponent, Ladder};
use loopixmix_native::header::{Command, Route, create, padding_bytes};
use loopixmix_native::keys::{HopKeys, mac};
use loopixmix_native::packet::wrap;
use loopixmix_native::tagset::TagSet;
use loopixmix_native::unwrap::{Unwrapped, unwrap_group};

const LADDERS: [Ladder; 3] = [Ladder::Lanes, Ladder::Assembly, Ladder::Portable];

fn unwrap(ladder: Ladder, keys: &[Exponent], packet: &[u8], geometry: Geometry) -> Result<Unwrapped, Refusal> {
    unwrap_group(ladder, keys, &[packet], geometry).remove(0)
}

/// One case of the vector file: names and values.
struct Case(HashMap<String, Vec<u8>>);

impl Case {
    fn get(&self, name: &str) -> &[u8] {
        &self.0[name]
    }

    fn chunks<const N: usize>(&self, name: &str) -> Vec<[u8; N]> {
        self.get(name).chunks_exact(N).map(|chunk| chunk.try_into().unwrap()).collect()
    }

    fn geometry(&self) -> Geometry {
        let sizes: Vec<usize> =
            self.chunks::<4>("geometry").into_iter().map(|size| u32::from_be_bytes(size) as usize).collect();
        Geometry::new(sizes[0], sizes[1]).unwrap()
    }
}

fn vectors() -> Vec<Case> {
    let decode =
        |hex: &str| (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    let line = |line: &str| {
        let (name, hex) = line.split_once(' ').unwrap_or((line, ""));
        (name.to_owned(), decode(hex))
    };
    let cases = include_str!("sphinxmix.txt").trim().split("\n\n");
    cases.map(|case| Case(case.lines().filter(|text| !text.starts_with('#')).map(line).collect())).collect()
}

/// A packet over three hops and what is needed to follow it.
struct Sample {
    geometry: Geometry,
    keys: Vec<Exponent>,
    packet: Vec<u8>,
}

fn sample() -> Sample {
    let ladder = Ladder::pick();
    let geometry = Geometry::new(200, 300).unwrap();
    let keys = vec![[1; 32], [2; 32], [3; 32]];
    let public_keys: Vec<Element> = keys.iter().map(|key| ladder.public_key(key)).collect();
    let commands = [[4; COMMAND_BYTES], [5; COMMAND_BYTES], [6; COMMAND_BYTES]];
    let padding = vec![7; padding_bytes(3, 200).unwrap()];
    let route = Route { public_keys: &public_keys, commands: &commands, secret: &[8; 32], padding: &padding };
    let packet = wrap(ladder, &route, b"content", geometry).unwrap();
    Sample { geometry, keys, packet }
}

impl Sample {
    fn unwrap(&self, packet: &[u8]) -> Result<Unwrapped, Refusal> {
        unwrap(Ladder::pick(), &self.keys[..1], packet, self.geometry)
    }

    fn refusal(&self, packet: &[u8]) -> Option<Refusal> {
        self.unwrap(packet).err()
    }
}

#[test]
fn bytes_are_those_of_sphinxmix() {
    for ladder in LADDERS.into_iter().filter(|ladder| ladder.is_supported()) {
        for case in vectors() {
            let geometry = case.geometry();
            let public_keys = case.chunks::<ELEMENT_BYTES>("public_keys");
            let commands = case.chunks::<COMMAND_BYTES>("commands");
            let secret = case.chunks::<32>("secret")[0];
            let route =
                Route { public_keys: &public_keys, commands: &commands, secret: &secret, padding: case.get("padding") };
            assert_eq!(wrap(ladder, &route, case.get("content"), geometry).unwrap(), case.get("packet_0"));
            let header = create(ladder, &route, geometry.beta_bytes()).unwrap();
            assert_eq!(header.payload_keys.concat(), case.get("payload_keys"));

            for (hop, key) in case.chunks::<32>("private_keys").into_iter().enumerate() {
                let packet = case.get(&format!("packet_{hop}"));
                let unwrapped = unwrap(ladder, &[[0; 32], key], packet, geometry).ok().unwrap();
                assert_eq!(unwrapped.key_index, 1);
                assert_eq!(unwrapped.command, commands[hop]);
                assert_eq!(unwrapped.payload_key, header.payload_keys[hop]);
                assert_eq!(unwrapped.replay_tag, case.get(&format!("replay_tag_{hop}")));
                assert_eq!(unwrapped.packet, case.get(&format!("packet_{}", hop + 1)));
                if hop + 1 == commands.len() {
                    let last_body = &unwrapped.packet[geometry.header_bytes()..];
                    assert_eq!(body::open(&unwrapped.payload_key, last_body).unwrap(), case.get("content"));
                }
            }
        }
    }
}

#[test]
fn replies_are_those_of_sphinxmix() {
    for case in vectors() {
        let (ktilde, payload_keys) = (case.chunks::<16>("ktilde")[0], case.chunks::<16>("payload_keys"));
        let body_bytes = case.geometry().body_bytes();
        assert_eq!(body::make_reply(&ktilde, case.get("content"), body_bytes).unwrap(), case.get("reply_body"));
        let arrived = case.get("reply_arrived").to_vec();
        assert_eq!(body::open_reply(&ktilde, &payload_keys, arrived.clone()).unwrap(), case.get("content"));
        let mut tagged = arrived;
        tagged[0] ^= 1;
        assert_eq!(body::open_reply(&ktilde, &payload_keys, tagged), Err(Refusal::TaggedPayload));
    }
}

#[test]
fn every_bit_of_the_header_counts() {
    let sample = sample();
    for bit in 0..sample.geometry.header_bytes() * 8 {
        let mut packet = sample.packet.clone();
        packet[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit == 255 { Refusal::BadPoint } else { Refusal::BadMac };
        assert_eq!(sample.refusal(&packet), Some(expected), "bit {bit}");
    }
    assert_eq!(sample.refusal(&sample.packet), None);
}

#[test]
fn a_flipped_body_is_found_at_the_end() {
    let sample = sample();
    for byte in sample.geometry.header_bytes()..sample.geometry.packet_bytes() {
        let mut packet = sample.packet.clone();
        packet[byte] ^= 0x10;
        let mut key = [0; 16];
        for private in &sample.keys {
            let unwrapped = unwrap(Ladder::pick(), &[*private], &packet, sample.geometry).ok().unwrap();
            (packet, key) = (unwrapped.packet, unwrapped.payload_key);
        }
        let opened = body::open(&key, &packet[sample.geometry.header_bytes()..]);
        assert_eq!(opened, Err(Refusal::TaggedPayload), "byte {byte}");
    }
}

#[test]
fn other_lengths_points_and_keys_are_refused() {
    let sample = sample();
    for length in [0, 1, 31, 32, sample.packet.len() - 1] {
        assert_eq!(sample.refusal(&sample.packet[..length]), Some(Refusal::WrongLength));
    }
    assert_eq!(sample.refusal(&[&sample.packet[..], &[0]].concat()), Some(Refusal::WrongLength));
    for low_byte in [0, 1] {
        let mut packet = sample.packet.clone();
        packet[..32].fill(0);
        packet[0] = low_byte;
        assert_eq!(sample.refusal(&packet), Some(Refusal::BadPoint));
    }
    let no_keys = unwrap(Ladder::pick(), &[], &sample.packet, sample.geometry);
    assert_eq!(no_keys.err(), Some(Refusal::BadMac));
}

#[test]
fn a_routing_length_that_is_not_ours_is_an_unknown_command() {
    let sample = sample();
    let beta = 32..32 + sample.geometry.beta_bytes();
    let alpha: Element = sample.packet[..32].try_into().unwrap();
    let hop = HopKeys::derive(&Ladder::pick().x25519(&sample.keys[0], &alpha).unwrap());
    for length in (0..=255).filter(|&length| length != COMMAND_LENGTH) {
        let mut packet = sample.packet.clone();
        packet[32] ^= COMMAND_LENGTH ^ length;
        let gamma = mac(&hop.mac, &packet[beta.clone()]);
        packet[beta.end..beta.end + 16].copy_from_slice(&gamma);
        assert_eq!(sample.refusal(&packet), Some(Refusal::UnknownCommand), "length {length}");
    }
}

#[test]
fn threads_change_nothing() {
    let sample = sample();
    let mut packets = Vec::new();
    for i in 0_u8..60 {
        let mut packet = sample.packet.clone();
        match i % 5 {
            0 => packet.truncate(usize::from(i) * 7),
            1 => packet[..32].fill(0),
            2 => packet[100] ^= i,
            _ => {}
        }
        packets.push(packet);
    }
    let summary = |threads| -> Vec<_> {
        let keys = sample.keys[..1].to_vec().into();
        let results = Batch::new(Ladder::pick(), keys, packets.clone(), sample.geometry).unwrap(threads);
        results.into_iter().map(|result| result.map(|unwrapped| (unwrapped.replay_tag, unwrapped.packet))).collect()
    };
    let alone = summary(1);
    assert_eq!(alone.len(), packets.len());
    assert_eq!(alone.iter().filter(|result| result.is_ok()).count(), 24);
    for threads in [0, 2, 3, 8, usize::MAX] {
        assert_eq!(summary(threads), alone);
    }
}

#[test]
fn misuse_is_named() {
    let ladder = Ladder::pick();
    let public = ladder.public_key(&[1; 32]);
    let create = |public_keys: &[Element], commands: &[Command], padding: &[u8]| {
        create(ladder, &Route { public_keys, commands, secret: &[2; 32], padding }, 100).err()
    };
    let command = [3; COMMAND_BYTES];
    let mut twist = [0; 32];
    twist[0] = 2;
    assert_eq!(create(&[public, public], &[command, command], &[]), None);
    assert_eq!(create(&[], &[], &[]), Some(Misuse::HopCount));
    assert_eq!(create(&[public; 3], &[command; 3], &[]), Some(Misuse::HopCount));
    assert_eq!(create(&[public], &[], &[0; 58]), Some(Misuse::CommandCount));
    assert_eq!(create(&[public], &[command], &[0; 57]), Some(Misuse::Padding(58)));
    for bad in [[0; 32], twist, [0xff; 32]] {
        assert_eq!(create(&[public, bad], &[command; 2], &[]), Some(Misuse::PublicKey(1)));
    }
    assert_eq!(Geometry::new(41, 100), Err(Misuse::BetaBytes));
    assert_eq!(Geometry::new(42, 31), Err(Misuse::BodyBytes));
    assert_eq!(Geometry::new(usize::MAX, usize::MAX), Err(Misuse::BetaBytes));
    assert_eq!(body::make_reply(&[0; 16], &[0; 84], 100), Err(Misuse::Content(83)));
    assert!(body::make_reply(&[0; 16], &[0; 83], 100).is_ok());
}

#[test]
fn padding_is_read_strictly() {
    let key = [9; 16];
    let open = |padded: &[u8]| {
        let whole = [&mac(&key, padded)[..], padded].concat();
        body::open(&key, &whole).map(<[u8]>::to_vec)
    };
    assert_eq!(open(&[&b"0123456789abcde"[..], &[0x7f]].concat()), Ok(b"0123456789abcde".to_vec()));
    assert_eq!(open(&[&[0x7f][..], &[0xff; 20]].concat()), Ok(Vec::new()));
    assert_eq!(open(&[&[0x7f; 3][..], &[0xff; 20]].concat()), Ok(vec![0x7f; 2]));
    assert_eq!(open(&[0xff; 20]), Err(Refusal::BadPayload));
    assert_eq!(open(&[&[0x7f; 10][..], &[0], &[0xff; 20]].concat()), Err(Refusal::BadPayload));
    assert_eq!(body::open(&key, &[0; 31]), Err(Refusal::WrongLength));
    assert_eq!(body::open_reply(&key, &[key], vec![0; 31]), Err(Refusal::WrongLength));
}

#[test]
fn a_tag_set_is_exact() {
    let mut set = TagSet::default();
    assert!(set.is_empty());
    let tag = |i: u32| {
        let mut tag = [0; 16];
        tag[..4].copy_from_slice(&i.to_le_bytes());
        tag
    };
    assert!((0..10_000).all(|i| set.add(tag(i))));
    assert!(!(0..10_000).any(|i| set.add(tag(i))));
    assert!((0..10_000).all(|i| set.contains(tag(i))));
    assert!(!(10_000..20_000).any(|i| set.contains(tag(i))));
    assert_eq!(set.len(), 10_000);
}
