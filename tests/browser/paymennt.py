"""A merchant of Paymennt with a world of its own."""

import hashlib
import hmac
import secrets

import httpx

from sandbox import TIMEOUT_S, address_of

ADDRESS = {"name": "Ada Lovelace", "address1": "Unit 1", "city": "Dubai", "country": "AE"}
CUSTOMER = {"id": "123456", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com", "phone": "97150"}


class PaymenntMerchant:
    def __init__(self):
        pair = {"X-Paymennt-Api-Key": secrets.token_hex(8), "X-Paymennt-Api-Secret": f"mer_{secrets.token_hex(32)}"}
        self.site = address_of("LEAPDAY_PAYMENNT")
        self._http = httpx.Client(base_url=f"{self.site}/mer/v2.0", headers=pair, timeout=TIMEOUT_S)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._http.close()

    def get(self, path):
        return self._read(self._http.get(path))

    def post(self, path, body=None):
        return self._read(self._http.post(path, json=body))

    def web(self, shop, **more):
        body = self.order(shop)
        return self.post("/checkout/web", body | more)

    def order(self, shop):
        items = [{"name": "Dark grey sunglasses", "unitprice": 50, "quantity": 2, "linetotal": 100}]
        totals = {"subtotal": 100, "tax": 5, "shipping": 3, "handling": 2, "discount": 10, "skipTotalsValidation": False}
        return {
            "requestId": secrets.token_hex(8),
            "orderId": "ORD-1234",
            "currency": "AED",
            "amount": 100,
            "items": items,
            "totals": totals,
            "customer": CUSTOMER,
            "billingAddress": ADDRESS,
            "returnUrl": shop.url("/return?wc-api=x"),
        }

    def hook(self, shop):
        return self.post("/webhooks", {"address": shop.url("/hook")})

    def status(self, checkout):
        return self.get(f"/checkout/{checkout['id']}")["status"]

    @staticmethod
    def verified(hook, received):
        """The body of a webhook whose signature is right."""
        wanted = hmac.new(hook["hmacKey"].encode(), received.body, hashlib.sha256).hexdigest()
        assert received.headers["x-paymennt-signature"] == wanted
        return received.body

    @staticmethod
    def _read(answer):
        body = answer.json()
        assert answer.is_success and body["success"], f"{answer.request.url}: {answer.status_code} {answer.text}"
        return body.get("result")
