use super::*;

#[test]
fn logarithms_are_those_of_the_library() {
    let mut x = 1e-300_f64;
    while x < 1e6 {
        assert!((logarithm::log2(x) - x.log2()).abs() < 2e-15 * x.log2().abs().max(1.0), "{x}");
        x *= 1.000_37;
    }
    assert!((0.0 * logarithm::log2(0.0)).abs() < f64::EPSILON);
}

/// Three packets through one node, all three together in it: log2 3 bits.
#[test]
fn packets_that_meet_are_mixed() {
    let mut followed = Propagation::new(vec![false], 0.0, 10.0, 0.1).unwrap();
    let visit = Visit { nodes: &[0, 0, 0], enters_s: &[1.0, 2.0, 3.0], leaves_s: &[4.0, 4.5, 5.0] };
    followed.push(&[visit], &[1]).unwrap();
    let entropies = followed.finish().to_vec();
    assert_eq!(entropies.len(), 1);
    assert!((entropies[0] - 3.0_f64.log2()).abs() < 1e-12);
    // h(1) + log2 3, then two old ones twice: nothing new, nothing learnt.
    assert!((followed.live_bits()[0] - 3.0_f64.log2()).abs() < 1e-12);
}

#[test]
fn a_departure_comes_before_an_arrival_of_the_same_moment() {
    let mut followed = Propagation::new(vec![false], 0.0, 10.0, 0.1).unwrap();
    let visit = Visit { nodes: &[0, 0], enters_s: &[2.0, 1.0], leaves_s: &[3.0, 2.0] };
    followed.push(&[visit], &[1]).unwrap();
    assert!(followed.finish()[0].abs() < 1e-12);
}

#[test]
fn a_corrupt_node_mixes_nothing() {
    let mut followed = Propagation::new(vec![true, false], 0.0, 10.0, 0.1).unwrap();
    let first = Visit { nodes: &[0, 0], enters_s: &[1.0, 1.5], leaves_s: &[2.0, 4.0] };
    let second = Visit { nodes: &[1, 1], enters_s: &[2.5, 5.0], leaves_s: &[3.0, 6.0] };
    followed.push(&[first, second], &[0]).unwrap();
    assert!(followed.finish()[0].abs() < 1e-12);
}

/// Nobody may stop before a target's packets were settled that have not begun to be.
#[test]
fn targets_to_come_are_active() {
    let mut followed = Propagation::new(vec![false], 0.0, 10.0, 100.0).unwrap();
    let visit = Visit { nodes: &[0, -1], enters_s: &[1.0, 1.0], leaves_s: &[2.0, 2.0] };
    followed.push(&[visit], &[0, 1]).unwrap();
    followed.advance(3.0);
    assert_eq!(followed.active(), 1);
    followed.finish();
    assert_eq!(followed.active(), 0);
}

/// Any size of buckets, any pieces: the same bits.
#[test]
fn nothing_depends_on_buckets_or_pieces() {
    let mut state = 7_u64;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (f64::from(u32::try_from(state >> 32).unwrap()) + 0.5) / f64::from(u32::MAX)
    };
    let count = 20_000;
    let (mut sent, mut now) = (Vec::new(), 0.0);
    for _ in 0..count {
        now -= draw().ln() / 300.0;
        sent.push(now);
    }
    let mut through = |enters: &[f64], first: i32| -> (Vec<i32>, Vec<f64>) {
        enters.iter().map(|at| (first + i32::from(draw() < 0.5), at - draw().ln() * 0.3)).unzip()
    };
    let (nodes1, leaves1) = through(&sent, 0);
    let enters2: Vec<f64> = leaves1.iter().map(|at| at + 0.02).collect();
    let (nodes2, leaves2) = through(&enters2, 2);
    let run = |bucket_s: f64, piece: usize| -> Vec<u64> {
        let mut followed = Propagation::new(vec![false, true, false, false], 1.0, 50.0, bucket_s).unwrap();
        for start in (0..count).step_by(piece) {
            let range = start..(start + piece).min(count);
            let targets: Vec<i32> = range
                .clone()
                .filter(|index| index % 700 == 699)
                .map(|index| i32::try_from(index - start).unwrap())
                .collect();
            let visits = [
                Visit {
                    nodes: &nodes1[range.clone()],
                    enters_s: &sent[range.clone()],
                    leaves_s: &leaves1[range.clone()],
                },
                Visit {
                    nodes: &nodes2[range.clone()],
                    enters_s: &enters2[range.clone()],
                    leaves_s: &leaves2[range.clone()],
                },
            ];
            followed.push(&visits, &targets).unwrap();
            followed.advance(sent[range.end - 1]);
        }
        let mut found = followed.finish().to_vec();
        found.extend(followed.live_bits());
        found.iter().map(|value| value.to_bits()).collect()
    };
    let whole = run(1e6, count);
    assert!(whole.iter().take(28).filter(|bits| f64::from_bits(**bits) > 4.0).count() > 10);
    for (bucket_s, piece) in [(1e-4, 977), (0.013, 64), (1.0, 20_000), (7.0, 7)] {
        assert_eq!(run(bucket_s, piece), whole, "{bucket_s} {piece}");
    }
}

#[test]
fn wrong_arguments_are_refused_and_change_nothing() {
    let mut followed = Propagation::new(vec![false], 0.0, 1.0, 0.1).unwrap();
    let good = Visit { nodes: &[0], enters_s: &[5.0], leaves_s: &[6.0] };
    followed.advance(4.0);
    assert_eq!(followed.push(&[], &[]), Err(Wrong::Shape));
    assert_eq!(followed.push(&[Visit { nodes: &[0, 0], ..good }], &[]), Err(Wrong::Shape));
    assert_eq!(followed.push(&[Visit { nodes: &[1], ..good }], &[]), Err(Wrong::Node(1)));
    assert_eq!(followed.push(&[Visit { nodes: &[-2], ..good }], &[]), Err(Wrong::Node(-2)));
    assert_eq!(followed.push(&[good], &[1]), Err(Wrong::Targets));
    assert_eq!(followed.push(&[good], &[0, 0]), Err(Wrong::Targets));
    assert_eq!(followed.push(&[Visit { enters_s: &[3.0], ..good }], &[]), Err(Wrong::Time(3.0)));
    assert!(matches!(followed.push(&[Visit { leaves_s: &[f64::NAN], ..good }], &[]), Err(Wrong::Time(_))));
    assert!(followed.finish().is_empty());
    for bucket_s in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Propagation::new(vec![false], 0.0, 1.0, bucket_s).err(), Some(Wrong::Setting));
    }
}
