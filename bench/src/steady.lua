-- Sends the requests of a file, one line each: the target and the client's address.
-- At the end it prints one line that the bench reads.
local requests, count, sent = {}, 0, 0

function init(args)
  for line in io.lines(args[1]) do
    local target, client = line:match("^(%S+) (%S+)$")
    count = count + 1
    requests[count] = wrk.format("GET", target, {
      ["Host"] = "mirrors.example.net",
      ["User-Agent"] = "libdnf (Fedora Linux 40; workstation; Linux.x86_64)",
      ["Accept"] = "*/*",
      ["X-Forwarded-For"] = client,
    })
  end
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % count + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("result %d %d %d %d %d %d %d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
