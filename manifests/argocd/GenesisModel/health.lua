-- kstatus: yes (observedGeneration, Ready, Reconciling, Stalled).
-- Health is whether the model answers. What the loop is at, or that a candidate was rejected, is told and not judged.
local health = { status = "Progressing", message = "Waiting for the operator" }
local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end

local found = {}
for _, condition in ipairs(status.conditions) do
  found[condition.type] = condition
end
local ready, loaded, loop = found.Ready, found.AdapterLoaded, found.LoopActive

if found.Stalled ~= nil and found.Stalled.status == "True" then
  return { status = "Degraded", message = found.Stalled.message }
end
-- A replica refuses the champion, or serves something else under its name: that does not pass by itself.
if loaded ~= nil and loaded.status == "False" and loaded.reason == "LoadFailed" then
  return { status = "Degraded", message = loaded.message }
end
if ready == nil then
  return health
end

local message = ready.message
if loop ~= nil then
  message = message .. "; loop: " .. loop.reason
  if loop.message ~= nil and loop.message ~= "" then
    message = message .. " (" .. loop.message .. ")"
  end
end
if ready.status == "True" then
  return { status = "Healthy", message = message }
end
-- No replica is asked for: somebody scaled it down, as one scales a Deployment down.
if status.replicas == nil or status.replicas == 0 then
  return { status = "Healthy", message = message }
end
if ready.status == "False" and ready.reason ~= "Loading" then
  return { status = "Degraded", message = message }
end
return { status = "Progressing", message = message }
