-- kstatus: yes (observedGeneration, Reconciling, Stalled), with Complete and Failed as in a Job.
local found = {}
local status = obj.status or {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.status == "True" then
    found[condition.type] = condition
  end
end

-- The end is final, and the spec cannot change, so no generation makes it stale.
if found.Complete ~= nil then
  return { status = "Healthy", message = status.message }
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
local message = status.message or ""
if status.trainerStatus ~= nil and status.trainerStatus.progressPercentage ~= nil then
  message = status.trainerStatus.progressPercentage .. " %: " .. message
end
return { status = "Progressing", message = message }
