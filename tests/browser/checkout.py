"""What a customer does on the checkout."""


def fill_in(page, number="4242 4242 4242 4242"):
    """Fills the card form of a page, or of a frame."""
    page.get_by_test_id("card-number").fill(number)
    page.get_by_test_id("card-expiry").fill("12 / 30")
    page.get_by_test_id("card-cvc").fill("123")
    page.get_by_test_id("cardholder").fill("Ada Lovelace")


def pay(page, number="4242 4242 4242 4242"):
    fill_in(page, number)
    page.get_by_test_id("pay").click()
