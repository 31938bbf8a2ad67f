-- Refresh tokens that nobody made: each request has another one, of the right shape and with the id of a real key, but with
-- a wrong tag. The file has one real token for each thread, whose end is replaced.

package.path = os.getenv("KIT_LUA") .. "/?.lua;" .. package.path
local timed = require("timed")

local stem
local number = 0

function init()
    wrk.headers["User-Agent"] = timed.USER_AGENT
    wrk.headers["Content-Type"] = "application/json"
    wrk.method = "POST"
    wrk.path = "/api/auth/refresh"
    local token = timed.input()
    stem = '{"refresh_token":"' .. token:sub(1, #token - 16) .. string.format("%04d", line)
end

function request()
    number = number + 1
    local body = stem .. string.format("%012d", number) .. '"}'
    timed.sent()
    return wrk.format(nil, nil, nil, body)
end

function response(status, headers, body)
    local refused = status == 401 and body:find('"token_invalid"', 1, true)
    timed.answered(not refused and (status .. " " .. body) or nil)
end
