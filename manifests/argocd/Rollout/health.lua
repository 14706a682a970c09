-- kstatus: yes (observedGeneration, Reconciling, Stalled), with Completed for every end.
-- A rollout that was rolled back, aborted or superseded has done its work: the stable has all traffic again.
local found = {}
local status = obj.status or {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.status == "True" then
    found[condition.type] = condition
  end
end

-- The end is final: traffic has been moved before it is written.
if found.Completed ~= nil then
  return { status = "Healthy", message = (status.completionStatus or "Ended") .. ": " .. (status.message or "") }
end
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for the operator" }
end
if found.Stalled ~= nil then
  return { status = "Degraded", message = found.Stalled.message }
end
if found.Paused ~= nil then
  return { status = "Suspended", message = found.Paused.reason .. ": " .. found.Paused.message }
end
local message = status.message or ""
if status.step ~= nil and status.weights ~= nil then
  message = "step " .. status.step .. ", " .. status.weights.canary .. " % of the traffic: " .. message
end
return { status = "Progressing", message = message }
