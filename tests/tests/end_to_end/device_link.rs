//! The image `device` on every board: alive over its UART, with the host's bits, before and after a reset.

use matchstick::link::{Exclude, Reply, Request, User, ranked};
use matchstick_emulator::Board;
use matchstick_tests::bless::golden_bytes;
use matchstick_tests::device::{Host, start};
use matchstick_tests::golden_demo;
use matchstick_tests::twin::Twin;

const RANK: Request<'_> = Request::Rank { user: User::Index(1), top: 10, deviations: false, exclude: Exclude::Nothing };

/// Items and logits of the board's top ten.
fn top_ten(host: &mut Host) -> Vec<(u32, i64)> {
    host.ask(&RANK, |reply| match reply {
        Reply::Ranked(bytes) => ranked(bytes).map(|entry| (entry.item, entry.score.logit.0.into())).collect(),
        reply => panic!("{reply:?}"),
    })
}

#[test]
fn every_board_takes_a_model_and_ranks_as_the_twin_does_before_and_after_a_reset() {
    let blob = golden_bytes(golden_demo::FILE_NAME);
    let twin = Twin::read(&blob).expect("valid");
    let mut expected = twin.rank(&twin.user_vector(1), |_| true);
    expected.truncate(10);
    for board in Board::all() {
        let mut live = start(board, false);
        let mut host = Host::of(&live);
        host.open().unwrap_or_else(|lost| panic!("{}: {lost:?}", board.name));
        host.ask(&Request::Ping { nonce: 77 }, |reply| assert_eq!(reply, Reply::Pong { nonce: 77 }, "{}", board.name));
        host.info(|info| assert_eq!((info.board, info.model, info.slots), (board.name.as_str(), "", 2)));
        assert_eq!(host.done(&RANK), Ok(Some("NoModel".to_owned())), "{}", board.name);
        assert_eq!(host.upload(&board.name, &blob), Ok(None), "{}", board.name);
        host.info(|info| assert_eq!(info.model, golden_demo::draft().name, "{}", board.name));
        assert_eq!(top_ten(&mut host), expected, "{}", board.name);

        live.reset().unwrap_or_else(|error| panic!("{error}"));
        host.open().unwrap_or_else(|lost| panic!("{}: {lost:?}", board.name));
        assert_eq!(top_ten(&mut host), expected, "{} after a reset", board.name);
        assert_eq!(host.done(&Request::Reboot), Ok(None), "{}", board.name);
        host.open().unwrap_or_else(|lost| panic!("{}: {lost:?}", board.name));
        assert_eq!(top_ten(&mut host), expected, "{} after starting anew", board.name);
        println!("device {}: stack {} bytes", board.name, host.statistics().stack_bytes);
    }
}
