"""The invoice as a file, as a reader of PDFs sees it."""

import subprocess

from playwright.sync_api import expect

from checkout import pay


def test_a_renewal_as_pdf_shows_what_the_api_says(page, merchant, world, tmp_path):
    running = merchant.subscription(autoCharge=True)
    page.goto(running.checkout)
    expect(page.get_by_test_id("save-card")).to_be_checked()
    pay(page)
    expect(page).to_have_url(running.yes)
    merchant.use(running, 12_345, "2028-02-03T00:00:00Z")
    merchant.turn(running, "2028-03-02T00:00:00Z")
    invoice = merchant.invoices(running)[1]
    assert invoice["status"] == "PAID"

    answer = world.raw.get(f"/v2/invoices/{invoice['id']}/pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    file = tmp_path / "invoice.pdf"
    file.write_bytes(answer.content)
    read = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True)
    assert read.stderr == ""
    words = [" ".join(line.split()) for line in read.stdout.splitlines()]
    assert any(line.endswith(invoice["invoiceNumber"]) for line in words), read.stdout
    for line in (
        "Platform fee 29 Feb 2028 – 30 Mar 2028 1 49.90 49.90",
        "Tokens 31 Jan 2028 – 28 Feb 2028 12345 0.002 24.69",
        f"Subtotal {invoice['subtotal']}",
        f"Tax 8.5% {invoice['totalTax']}",
        f"Total {invoice['grandTotal']}",
        "Amount due USD 0.00",
    ):
        assert line in words, read.stdout
    assert (invoice["subtotal"], invoice["totalTax"], invoice["grandTotal"]) == ("74.59", "6.34", "80.93")
