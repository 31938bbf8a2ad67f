-- Logins, one after the other on each connection. The file has the body of one user's login for each thread.

package.path = os.getenv("KIT_LUA") .. "/?.lua;" .. package.path
local timed = require("timed")

function init()
    wrk.headers["User-Agent"] = timed.USER_AGENT
    wrk.headers["Content-Type"] = "application/json"
    wrk.method = "POST"
    wrk.path = "/api/auth/login"
    wrk.body = timed.input()
end

function request()
    timed.sent()
    return wrk.format()
end

function response(status, headers, body)
    local granted = status == 200 and body:find('"refresh_token"', 1, true)
    timed.answered(not granted and (status .. " " .. body) or nil)
end
