-- For wrk with one thread: refreshes of as many sessions as there are connections. LATCHKEY_TOKENS names the file with their
-- first tokens, LATCHKEY_RESULT the one for the result. LATCHKEY_PAUSE is how many milliseconds a connection waits before each
-- request, on average. LATCHKEY_IGNORED is how many seconds pass before anything is counted.

local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long seconds; long nanoseconds; } moment;
    int clock_gettime(int clock, moment *now);
]]

local MONOTONIC = 1
local LONGEST_MILLIS = 30000

local pause = tonumber(os.getenv("LATCHKEY_PAUSE"))
local moment = ffi.new("moment")

local function seconds()
    ffi.C.clock_gettime(MONOTONIC, moment)
    return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

-- Of each session: its token, and when it was sent. A queue of those that have an answer, from `first` to `last`.
local tokens, sent_at, idle = {}, {}, {}
local first, last = 1, 0
local begun = false
local counted_from

local the_thread

function setup(thread)
    the_thread = thread
end

function init()
    for token in io.lines(os.getenv("LATCHKEY_TOKENS")) do
        table.insert(tokens, token)
        last = last + 1
        idle[last] = #tokens
    end
    good, shed, wrong, complaint = 0, 0, 0, ""
    good_millis, shed_millis = {}, {}
    counted_from = seconds() + tonumber(os.getenv("LATCHKEY_IGNORED"))
    math.randomseed(os.time())
end

-- As in an open loop: the moments of the requests don't depend on each other.
if pause > 0 then
    function delay()
        return math.floor(-pause * math.log(1 - math.random()) + 0.5)
    end
end

function request()
    local session
    if not begun then -- wrk only looks at this one: it counts how many requests it has
        begun = true
        session = 1
    elseif first <= last then
        session = idle[first]
        idle[first] = nil
        first = first + 1
    else
        session = math.random(#tokens) -- a connection broke; as a client does that got no answer
    end
    sent_at[session] = seconds()
    local body = '{"refresh_token":"' .. tokens[session] .. '"}'
    return "POST /api/auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: "
        .. session .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

local function add(millis, session, now)
    local whole = math.min(LONGEST_MILLIS, math.ceil((now - sent_at[session]) * 1000))
    millis[whole] = (millis[whole] or 0) + 1
end

function response(status, headers, body)
    local session = tonumber(headers["X-Request-Id"])
    local now = seconds()
    last = last + 1
    idle[last] = session
    if status == 200 then
        tokens[session] = body:match('"refresh_token":"([^"]+)"')
        if now > counted_from then
            good = good + 1
            add(good_millis, session, now)
        end
    elseif status == 503 and headers["Retry-After"] == "1" and body:find('"temporarily_unavailable"', 1, true) then
        if now > counted_from then
            shed = shed + 1
            add(shed_millis, session, now)
        end
    else
        wrong = wrong + 1
        complaint = status .. " " .. body
    end
end

local function percentile(millis, count, percent)
    local seen = 0
    for i = 0, LONGEST_MILLIS do
        seen = seen + (millis[i] or 0)
        if seen >= count * percent / 100 then
            return i
        end
    end
end

function done(summary)
    local results = { wrong = the_thread:get("wrong"), complaint = the_thread:get("complaint") }
    for _, kind in ipairs({ "good", "shed" }) do
        local count = the_thread:get(kind)
        results[kind] = count
        for _, percent in ipairs({ 50, 99 }) do
            results[kind .. "_p" .. percent] = percentile(the_thread:get(kind .. "_millis"), count, percent)
        end
    end
    local errors = summary.errors
    results.broken = errors.connect + errors.read + errors.write + errors.timeout
    local file = io.open(os.getenv("LATCHKEY_RESULT"), "w")
    for name, value in pairs(results) do
        file:write(name, "=", tostring(value), "\n")
    end
    file:close()
end
