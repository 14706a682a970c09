-- kstatus: yes (observedGeneration, Reconciling, Stalled), with Complete and Failed as in a Job.
-- A verdict is a result: Fail and Inconclusive are as healthy as Pass. Failed means that there will be no verdict.
local found = {}
local status = obj.status or {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.status == "True" then
    found[condition.type] = condition
  end
end

-- The end is final, and the spec cannot change, so no generation makes it stale.
if found.Complete ~= nil then
  return { status = "Healthy", message = (status.verdict or "no verdict") .. ": " .. (status.message or "") }
end
if found.Failed ~= nil then
  return { status = "Degraded", message = found.Failed.reason .. ": " .. found.Failed.message }
end
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for the operator" }
end
if found.Stalled ~= nil then
  return { status = "Degraded", message = found.Stalled.message }
end
if found.Suspended ~= nil then
  return { status = "Suspended", message = found.Suspended.message }
end
return { status = "Progressing", message = status.message or "" }
