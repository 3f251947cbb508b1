-- Removes a trace context that is not recorded; see unsampled.py.
function envoy_on_request(request)
  local headers = request:headers()
  local context = headers:get("traceparent")
  if context and string.sub(context, -2) ~= "01" then
    headers:remove("traceparent")
    headers:remove("tracestate")
  end
end
