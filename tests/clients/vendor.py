"""A program that has a vendor's test host in its code, and is told nothing about the sandbox."""

import sys
import urllib.request

pair = {"X-POINTCHECKOUT-KEY": "k", "X-POINTCHECKOUT-SECRET": "s"}
request = urllib.request.Request(f"https://api.test.paymennt.com/mer/v2.0/{sys.argv[1]}", headers=pair)
print(urllib.request.urlopen(request, timeout=10).read().decode())
