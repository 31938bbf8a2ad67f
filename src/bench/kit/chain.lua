-- Each thread of wrk has one connection and one session: each request rotates the token that the last answer brought.

package.path = os.getenv("KIT_LUA") .. "/?.lua;" .. package.path
local timed = require("timed")

local head, tail, token

function init()
    local before, after = os.getenv("KIT_BEFORE"), os.getenv("KIT_AFTER")
    for name, value in os.getenv("KIT_HEADERS"):gmatch("([^:\n]+): ([^\n]+)") do
        wrk.headers[name] = value
    end
    wrk.headers["User-Agent"] = timed.USER_AGENT
    wrk.headers["Content-Type"] = os.getenv("KIT_CONTENT_TYPE")
    wrk.method = "POST"
    wrk.path = os.getenv("KIT_PATH")
    token = timed.input()
    head, tail = before, after
end

function request()
    local body = head .. token .. tail
    timed.sent()
    return wrk.format(nil, nil, nil, body)
end

function response(status, headers, body)
    local next_token = body:match('"refresh_token"%s*:%s*"([^"]+)"')
    if status == 200 and next_token and next_token ~= token then
        token = next_token
        timed.answered(nil)
    else
        timed.answered(status .. " " .. body)
    end
end
