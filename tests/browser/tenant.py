"""A tenant of Paylera with a world of its own, and a customer who subscribes."""

import secrets
from itertools import count

import httpx

from sandbox import TIMEOUT_S, Control, address_of

NOW = "2028-01-31T10:00:00Z"


class Tenant:
    def __init__(self):
        self.key = f"sk_sandbox_{secrets.token_hex(12)}"
        self._http = httpx.Client(
            base_url=address_of("LEAPDAY_PAYLERA"), headers={"Authorization": f"Bearer {self.key}"}, timeout=TIMEOUT_S
        )
        self._keys = count()
        self.control = Control(self.key)
        self.control.post("/clock", {"now": NOW})
        self.customer = self.post("/v1/customers", {"email": "ada@example.com", "name": "Ada Lovelace"})["id"]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._http.close()
        self.control.close()

    def get(self, path):
        return self._read(self._http.get(path))

    def post(self, path, body=None):
        return self._read(self._http.post(path, json=body, headers={"Idempotency-Key": f"key-{next(self._keys)}"}))

    def patch(self, path, body):
        return self._read(self._http.patch(path, json=body))

    def method(self, token="tok_visa_success"):
        body = {"type": "card", "token": token, "set_as_default": True}
        return self.post(f"/v1/customers/{self.customer}/payment-methods", body)["id"]

    def subscribe(self, **more):
        body = {"customer_id": self.customer, "plan_code": "starter-monthly-usd", "quantities": {"seats": 3}}
        return self.post("/v1/subscriptions", body | more)

    def checkout(self, shop, **more):
        body = {
            "mode": "subscription",
            "customer_id": self.customer,
            "plan_code": "starter-monthly-usd",
            "quantities": {"seats": 3},
            "success_url": shop.url("/success") + "?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": shop.url("/"),
        }
        return self.post("/v1/checkout/sessions", body | more)

    def portal(self, shop, **more):
        body = {"customer_id": self.customer, "return_url": shop.url("/success")}
        return self.post("/v1/portal/sessions", body | more)["url"]

    def events(self):
        return [event["type"] for event in self.control.get("/events?limit=1000")["events"]]

    @staticmethod
    def _read(answer):
        assert answer.is_success, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None
