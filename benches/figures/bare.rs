//! A bare hyper server: parse, validate with the same schema, keep the body's bytes in a `DashMap`, serialise; of a
//! body that is invalid it names every error. It speaks what Leapday speaks (HTTP/1.1 and h2c), and has nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use dashmap::DashMap;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use jsonschema::Validator;
use serde_json::{Value, json};

/// How many a list holds, as Leapday's.
const PAGE: usize = 10;

struct Store {
    bodies: DashMap<String, Bytes>,
    validator: Validator,
    next: AtomicU64,
}

pub fn serve(port: &str) {
    let contracts: Value = serde_json::from_str(include_str!("../../schemas/paygentic/products.json")).expect("JSON");
    let schema = &contracts["$defs"]["createProduct.request"];
    let validator = jsonschema::options().should_validate_formats(true).build(schema).expect("a schema");
    let store = Arc::new(Store { bodies: DashMap::new(), validator, next: AtomicU64::new(0) });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a port");
        println!("listening on http://{}", listener.local_addr().expect("an address"));
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            let store = Arc::clone(&store);
            let service = service_fn(move |request| answer(Arc::clone(&store), request));
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service).into_owned());
        }
    });
}

async fn answer(store: Arc<Store>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.method() == Method::GET {
        return Ok(read(&store, request.uri().path()));
    }
    let bytes = request.into_body().collect().await?.to_bytes();
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else { return Ok(respond(400, Bytes::new())) };
    if !store.validator.is_valid(&value) {
        return Ok(respond(400, refusal(&store.validator, &value)));
    }
    let id = format!("prod_{:016}", store.next.fetch_add(1, Ordering::Relaxed));
    value["id"] = Value::String(id.clone());
    let body = Bytes::from(serde_json::to_vec(&value).unwrap_or_default());
    store.bodies.insert(id, bytes);
    Ok(respond(201, body))
}

fn refusal(validator: &Validator, value: &Value) -> Bytes {
    let error = |error: jsonschema::ValidationError| json!({ "field": error.instance_path().as_str(), "message": error.to_string() });
    let errors: Vec<Value> = validator.iter_errors(value).map(error).collect();
    serde_json::to_vec(&json!({ "errors": errors })).unwrap_or_default().into()
}

/// `/products` lists ten, in no order; `/products/{id}` serialises the resource with its id, as its create did;
/// `/bytes/{id}` hands out what is kept.
fn read(store: &Store, path: &str) -> Response<Full<Bytes>> {
    if path == "/products" {
        let data: Vec<Value> = store.bodies.iter().take(PAGE).map(|kept| resource(kept.key(), kept.value())).collect();
        return respond(200, serde_json::to_vec(&json!({ "data": data })).unwrap_or_default().into());
    }
    let (serialised, id) = match path.strip_prefix("/products/") {
        Some(id) => (true, id),
        None => (false, path.trim_start_matches("/bytes/")),
    };
    let Some(bytes) = store.bodies.get(id).map(|body| body.clone()) else { return respond(404, Bytes::new()) };
    if !serialised {
        return respond(200, bytes);
    }
    respond(200, serde_json::to_vec(&resource(id, &bytes)).unwrap_or_default().into())
}

fn resource(id: &str, bytes: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    value["id"] = Value::String(id.to_owned());
    value
}

fn respond(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::new(body)).expect("a response")
}
