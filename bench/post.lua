-- wrk: each request is a post with a text of 100 bytes.
wrk.method = "POST"
wrk.body = '{"text":"' .. string.rep("x", 100) .. '","author":"somebody"}'
wrk.headers["Content-Type"] = "application/json"
