-- What wrk sends, from the environment, and what it counted, as a line of JSON. Nothing here runs for each request.
wrk.method = os.getenv("METHOD")
wrk.body = os.getenv("BODY")
wrk.headers["Authorization"] = "Bearer " .. os.getenv("KEY")
if wrk.body then
    wrk.headers["Content-Type"] = "application/json"
end

function done(summary)
    local errors = summary.errors
    print(string.format(
        '{"answers": %d, "seconds": %f, "refused": %d, "lost": %d}',
        summary.requests, summary.duration / 1e6, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
