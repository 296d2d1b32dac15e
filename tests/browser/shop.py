"""A merchant's site on a port of its own, and what the merchant asks of the API before a customer can pay."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from string import Template
from types import SimpleNamespace

POLL_S = 0.02  # how soon the server notices that it shall end
START = "2028-01-31T00:00:00Z"
PRICE = "USD 54.14"  # 49.90 and 8.5 % of tax
CUSTOMER = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "address": {"country": "US", "state": "CA", "zipCode": "94105"},
}
# What the vendor's documents say a frame must be allowed.
SANDBOX = "allow-scripts allow-same-origin allow-forms allow-popups"
PLAIN = '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Shop</title><h1>Thank you</h1></html>'
# Keeps a list of what the checkout says, and goes nowhere.
EMBEDDING = Template("""<!doctype html>
<html lang="en">
<link rel="icon" href="data:,">
<title>Shop</title>
<h1>Your order</h1>
<ol></ol>
<script>
  addEventListener("message", ({ origin, data }) => {
    if (origin !== new URL("$address").origin) return;
    const item = document.createElement("li");
    item.textContent = data.type;
    document.querySelector("ol").append(item);
  });
</script>
<iframe title="Checkout" width="100%" height="900" src="$address" sandbox="$allowed"></iframe>
</html>
""")


class Shop:
    """Answers any path, and remembers which were asked for."""

    def __init__(self):
        self.asked = []
        self.hooks = Queue()  # what was posted: headers and body
        self._pages = {}
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                shop.asked.append(self.path)
                body = shop._pages.get(self.path, PLAIN).encode()
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                shop.hooks.put(SimpleNamespace(headers=self.headers, body=body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True).start()

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self._server.server_port}{path}"

    def embed(self, address, allowed=SANDBOX):
        """A page that frames the checkout. It is of another site than the sandbox, not only of another port."""
        self._pages["/order"] = EMBEDDING.substitute(address=address, allowed=allowed)
        return self.url("/order", host="localhost")

    def page(self, path, html):
        """A page of the shop's own, of another site than the sandbox."""
        self._pages[path] = html
        return self.url(path, host="localhost")

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Merchant:
    def __init__(self, world, shop):
        self._world = world
        self._shop = shop

    def _post(self, path, body):
        answer = self._world.raw.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def subscription(self, **more):
        """One that starts on 31 January 2028, on a clock of its own, and waits for its first payment."""
        clock = self._post("/v0/testClocks", {"currentTime": START})["id"]
        urls = {"onSuccess": self._shop.url("/yes?order=1"), "onFailure": self._shop.url("/no?order=1")}
        body = {
            "name": "Ada, Starter",
            "planId": "plan_starterMonthly",
            "startedAt": START,
            "testClockId": clock,
            "customer": CUSTOMER,
            "redirectUrls": urls,
        }
        made = self._post("/v0/subscriptions", body | more)
        return SimpleNamespace(
            id=made["id"],
            customer=made["customerId"],
            clock=clock,
            checkout=made["payment"]["checkoutUrl"],
            yes=urls["onSuccess"],
            no=urls["onFailure"],
        )

    def order(self):
        """A payment of its own, in a world whose clock stands still."""
        self._world.control.post("/clock", {"now": START})
        urls = {"successRedirectUrl": self._shop.url("/yes?order=2"), "failureRedirectUrl": self._shop.url("/no?order=2")}
        made = self._post("/v0/payments", {"amount": "49.99", "currency": "EUR", "reference": "ORD-2"} | urls)
        return SimpleNamespace(id=made["id"], checkout=made["paymentUrl"], yes=urls["successRedirectUrl"])

    def set_up(self, customer):
        urls = {"successRedirectUrl": self._shop.url("/saved"), "failureRedirectUrl": self._shop.url("/not-saved")}
        made = self._post(f"/v0/customers/{customer}/paymentMethods", urls)
        return SimpleNamespace(checkout=made["url"], yes=urls["successRedirectUrl"])

    def portal(self, subscription):
        answer = self._world.raw.post(f"/v0/subscriptions/{subscription.id}/portal", json={})
        assert answer.is_success, answer.text
        return answer.json()["url"]

    def invitation(self, plan):
        """A link behind which somebody signs up for a plan."""
        urls = {"onSuccess": self._shop.url("/welcome"), "onFailure": self._shop.url("/no-thanks")}
        body = {"merchantId": "org_leapday", "planId": plan, "redirectUrls": urls}
        answer = self._world.raw.post("/v0/customers/authorization", json=body)
        assert answer.is_success, answer.text
        return SimpleNamespace(url=answer.json()["url"], yes=urls["onSuccess"], no=urls["onFailure"])

    def complete(self, subscription):
        """Pays without a page."""
        session = subscription.checkout.rpartition("/")[2]
        self._world.control.post(f"/payments/{session}/complete", {"card": {"number": "4242424242424242"}})

    def use(self, subscription, tokens, timestamp):
        event = {
            "type": "ai.tokens",
            "source": "https://shop.example",
            "subject": subscription.customer,
            "data": {"tokens": tokens},
            "timestamp": timestamp,
        }
        answer = self._world.raw.post("/v0/events", json=event)
        assert answer.is_success, answer.text

    def turn(self, subscription, to):
        answer = self._world.raw.patch(f"/v0/testClocks/{subscription.clock}", json={"currentTime": to})
        assert answer.is_success, answer.text

    def status(self, subscription):
        return self._get(f"/v0/subscriptions/{subscription.id}")["status"]

    def subscriptions(self):
        return self._get("/v0/subscriptions")["data"]

    def cards(self, customer):
        """The last digits of the cards that the customer has saved."""
        methods = self._get(f"/v0/customers/{customer}/paymentMethods")["data"]
        return [method["last4"] for method in methods]

    def invoices(self, subscription):
        """Those that were issued, in the order of their periods."""
        rows = self._get(f"/v2/invoices?subscriptionId={subscription.id}&limit=100")["data"]
        return sorted((row for row in rows if row["issuedAt"]), key=lambda row: row["sequenceNumber"])

    def happened(self, event_type):
        return len(self._world.control.get(f"/events?type={event_type}")["events"])

    def wait_for(self, event_type):
        """Until it has happened: by the control API's long poll."""
        assert self._world.control.get(f"/events?wait=10s&type={event_type}")["events"], event_type

    def _get(self, path):
        answer = self._world.raw.get(path)
        assert answer.is_success, answer.text
        return answer.json()
