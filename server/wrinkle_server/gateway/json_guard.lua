-- Refuses the descriptions of inference requests that kill Triton's HTTP front end; see json_guard.py.
local MAX_JSON_BYTES = 16384

local function refuse(request)
  request:respond({[":status"] = "400"}, "")
end

function envoy_on_request(request)
  local headers = request:headers()
  if headers:get(":method") ~= "POST" or string.find(headers:get(":path"), "^/inference%.") then
    return -- by the address, as the routes do: a content type is the caller's word only
  end
  local length = headers:get("inference-header-content-length")
  if length == "0" then -- the body is the tensor, there is no JSON
    return
  end
  if length == nil or #length > 6 or not string.find(length, "^[1-9][0-9]*$") then
    return refuse(request)
  end
  local json_bytes = tonumber(length)
  local body = request:body()
  if json_bytes > MAX_JSON_BYTES or body == nil or body:length() < json_bytes then
    return refuse(request)
  end
  local json = body:getBytes(0, json_bytes)
  if string.find(json, '"data"', 1, true) or string.find(json, "\\", 1, true) then
    return refuse(request)
  end
end
