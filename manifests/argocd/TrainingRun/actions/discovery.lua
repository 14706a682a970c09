local phase = obj.status ~= nil and obj.status.phase or "Pending"
local ended = phase == "Complete" or phase == "Failed"
-- What its model holds, its model lets go.
local annotations = obj.metadata.annotations or {}
local held_by_model = annotations["genesis.truth.si/held-by-model"] == "true"

local actions = {}
actions["suspend"] = { disabled = ended or obj.spec.suspend == true }
actions["resume"] = { disabled = ended or held_by_model or obj.spec.suspend ~= true }
return actions
