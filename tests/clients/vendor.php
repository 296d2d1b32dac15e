<?php
// A program that has a vendor's test host in its code. It is told nothing about the sandbox: where the host is, and
// whom to trust, its surroundings say.
$curl = curl_init('https://api.test.paymennt.com/mer/v2.0/' . $argv[1]);
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
curl_setopt($curl, CURLOPT_HTTPHEADER, [
    'Content-Type: application/json', 'X-PointCheckout-Api-Key: k-php', 'X-PointCheckout-Api-Secret: s',
]);
if (isset($argv[2])) {
    curl_setopt($curl, CURLOPT_POSTFIELDS, $argv[2]);
}
$answer = curl_exec($curl);
if ($answer === false) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(curl_errno($curl));
}
echo $answer, "\n";
