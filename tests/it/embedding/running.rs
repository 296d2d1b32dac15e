//! A sandbox in a test's process: how it starts, who may poll it, and how it stops. The blocking flavour.

use std::net::TcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use leapday::client::{Fault, Mode};
use leapday::{Sandbox, blocking};
use serde_json::{Value, json};

use super::{JANUARY, subscriber};

/// The twin, which has no logic of its own.
#[test]
fn the_blocking_flavour_is_the_same() {
    let sandbox = blocking::Sandbox::builder().strict(true).random_seed(7).start().unwrap();
    let client = blocking::Client::connect(sandbox.base_url()).unwrap();
    let world = client.world("paygentic", "sk_test_a").unwrap();
    assert_eq!(world.base_url(), format!("{}/paygentic", sandbox.base_url()));
    assert_eq!((world.key(), world.provider()), ("sk_test_a", "paygentic"));
    assert_eq!(world.clock().set(JANUARY).unwrap().mode, Mode::Frozen);
    let receiver = world.receiver_of(["customer.created.v0"]).unwrap();
    let customer = json!({
        "merchantId": "org_a",
        "consumer": {
            "name": "Ada", "email": "ada@example.com",
            "address": { "line1": "1 Main St", "city": "S", "state": "CA", "country": "US", "zipCode": "94105" },
        },
    });
    world.post("/v0/customers", customer).unwrap();
    let event = world.expect_event("customer.*").unwrap();
    let webhook = receiver.expect_webhook("customer.*").unwrap();
    assert_eq!((&webhook.body, receiver.received().unwrap().len()), (&event.body, 1));
    assert_eq!(world.events().after(&event).within(Duration::from_millis(1)).wait().unwrap(), []);
    let fork = world.fork("sk_test_b").unwrap();
    assert_eq!(fork.events().of("customer.*").list().unwrap(), [event]);
    world.faults().add(Fault::status(500)).unwrap();
    assert_eq!(world.call("GET", "/v0/plans", Value::Null).unwrap().status, 500);
    assert_eq!(fork.call("GET", "/v0/plans", Value::Null).unwrap().status, 200);
}

#[tokio::test]
#[should_panic(expected = "Cannot start a runtime from within a runtime")]
async fn blocking_in_an_asynchronous_test_panics() {
    let sandbox = blocking::Sandbox::start().unwrap();
    let _ = sandbox.paygentic("sk_test_a").about();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sandboxes_and_keys_at_once() {
    let sandbox = Arc::new(Sandbox::start().await.unwrap());
    let tests = (0..64).map(|number| {
        let sandbox = Arc::clone(&sandbox);
        tokio::spawn(async move {
            let world = sandbox.paylera(&format!("sk_sandbox_{number}"));
            let now = format!("{}-01-31T00:00:00Z", 2028 + number);
            world.clock().set(&now).await.unwrap();
            let customer = world.post("/v1/customers", json!({ "email": "ada@example.com" })).await.unwrap();
            assert_eq!(customer["created_at"], now.as_str());
            assert_eq!(world.journal().await.unwrap().len(), 1);
        })
    });
    for test in tests.collect::<Vec<_>>() {
        test.await.unwrap();
    }
    let others = [Sandbox::start().await.unwrap(), Sandbox::start().await.unwrap()];
    assert_ne!(others[0].base_url(), others[1].base_url());
}

#[tokio::test]
async fn it_stops() {
    let sandbox = Sandbox::start().await.unwrap();
    let world = sandbox.client().paygentic("sk_test_a");
    world.about().await.unwrap();
    let address = sandbox.base_url().strip_prefix("http://").unwrap().to_owned();
    TcpStream::connect(&address).unwrap();
    sandbox.stop().await;
    assert!(TcpStream::connect(&address).is_err());
    let said = world.about().await.unwrap_err().to_string();
    assert!(said.starts_with(&format!("no sandbox answers at http://{address}: GET /_leapday/world")), "{said}");
    // Dropped, it stops as well, soon after.
    let sandbox = Sandbox::start().await.unwrap();
    let world = sandbox.client().paygentic("sk_test_a");
    drop(sandbox);
    while world.about().await.is_ok() {}
}

#[test]
fn the_blocking_one_has_stopped_when_it_is_dropped() {
    let sandbox = blocking::Sandbox::start().unwrap();
    let address = sandbox.base_url().strip_prefix("http://").unwrap().to_owned();
    TcpStream::connect(&address).unwrap();
    drop(sandbox);
    assert!(TcpStream::connect(&address).is_err());
}

#[tokio::test]
async fn state_is_written_when_it_stops() {
    let file = std::env::temp_dir().join(format!("leapday-embedded-{}.json", std::process::id()));
    let start = || Sandbox::builder().state(&file).start();
    let sandbox = start().await.unwrap();
    sandbox.paygentic("sk_test_a").clock().set(JANUARY).await.unwrap();
    sandbox.stop().await;
    let sandbox = start().await.unwrap();
    assert_eq!(sandbox.paygentic("sk_test_a").clock().now().await.unwrap().now.to_string(), JANUARY);
    sandbox.stop().await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let said = Sandbox::builder().world("startr").start().await.unwrap_err().to_string();
    assert!(said.contains("did you mean starter?"), "{said}");
    let taken = Sandbox::start().await.unwrap();
    let port = taken.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let said = Sandbox::builder().options(|options| options.port = port).start().await.unwrap_err().to_string();
    assert!(said.contains("0 picks a free one"), "{said}");
}

/// An executor that knows nothing of tokio.
fn poll_on_this_thread<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut work = pin!(work);
    loop {
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn any_executor_will_do() {
    poll_on_this_thread(async {
        let sandbox = Sandbox::start().await.unwrap();
        let world = sandbox.paylera("sk_sandbox_a");
        world.clock().set(JANUARY).await.unwrap();
        let receiver = world.receiver().await.unwrap();
        subscriber(&world).await;
        receiver.expect_webhook("invoice.paid").await.unwrap();
        let none = receiver.expect_webhook_within("invoice.voided", Duration::from_millis(1)).await;
        assert!(none.is_err());
        sandbox.stop().await;
    });
}
