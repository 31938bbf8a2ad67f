-- What the scripts for wrk share: when each answer came, how long it took, and whether it was the wanted one.
--
-- wrk's own percentiles are corrected for "coordinated omission": it adds requests that would have been made had the
-- server not stalled. The samples here are what really happened, each with its time of day.

local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long seconds; long nanoseconds; } kit_time;
    int clock_gettime(int clock, kit_time *now);
]]

local REALTIME = 0
local now = ffi.new("kit_time")

-- Microseconds since 1970.
local function microseconds()
    ffi.C.clock_gettime(REALTIME, now)
    return tonumber(now.seconds) * 1000000 + math.floor(tonumber(now.nanoseconds) / 1000)
end

-- wrk sends none by itself; Latchkey stores it, and pgbench stores the same.
local timed = { USER_AGENT = "wrk/4.1.0" }
local threads = {}

-- Gives each thread the number of its line in the file of tokens.
function setup(thread)
    thread:set("line", #threads + 1)
    table.insert(threads, thread)
end

-- Reads this thread's line of the file that is named by KIT_INPUT.
function timed.input()
    local number = 0
    for text in io.lines(os.getenv("KIT_INPUT")) do
        number = number + 1
        if number == line then
            return text
        end
    end
    error("no line " .. line .. " in " .. os.getenv("KIT_INPUT"))
end

local sent_at = 0

-- To be called when a request is made.
function timed.sent()
    sent = (sent or 0) + 1
    sent_at = microseconds()
end

-- To be called for each answer; `complaint` is nil for the wanted one.
function timed.answered(complaint)
    local answered_at = microseconds()
    answered = (answered or 0) + 1
    samples = samples or {}
    samples[answered] = string.format("%d %d", answered_at, answered_at - sent_at)
    if complaint then
        wrong = (wrong or 0) + 1
        first_complaint = first_complaint or complaint
    end
end

-- Writes the samples, a line each, to the file that KIT_SAMPLES names, and a line of JSON to the one of KIT_SUMMARY.
function done(summary, latency, requests)
    local file = io.open(os.getenv("KIT_SAMPLES"), "w")
    local all_sent, all_answered, all_wrong, complaint = 0, 0, 0, ""
    for _, thread in ipairs(threads) do
        all_sent = all_sent + (thread:get("sent") or 0)
        all_answered = all_answered + (thread:get("answered") or 0)
        all_wrong = all_wrong + (thread:get("wrong") or 0)
        complaint = complaint ~= "" and complaint or thread:get("first_complaint") or ""
        file:write(table.concat(thread:get("samples") or {}, "\n"), "\n")
    end
    file:close()
    local sockets = summary.errors
    local json = string.format(
        '{"sent": %d, "answered": %d, "wrong": %d, "complaint": "%s", "socket_errors": %d, "seconds": %.6f, '
            .. '"p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f}\n',
        all_sent, all_answered, all_wrong, complaint:gsub('[%c"\\]', " "):sub(1, 300),
        sockets.connect + sockets.read + sockets.write + sockets.timeout, summary.duration / 1e6,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000)
    file = io.open(os.getenv("KIT_SUMMARY"), "w")
    file:write(json)
    file:close()
end

return timed
